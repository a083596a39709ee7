using System.Globalization;
using System.Runtime.InteropServices;
using KvPolicy.Cli;
using KvPolicy.Cli.Output;

CultureInfo.CurrentCulture = CultureInfo.CurrentUICulture = CultureInfo.InvariantCulture;
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.DefaultThreadCurrentUICulture = CultureInfo.InvariantCulture;

bool isTerminal = !Console.IsOutputRedirected && !Console.IsErrorRedirected;

// The signal still ends the program in its own way; it only must not leave half a file or a hidden cursor.
void Leave(PosixSignalContext context)
{
    OutputFile.RemoveUnfinished();
    if (isTerminal) Console.Error.Write("\e[?25h");
}

using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Leave);
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Leave);
using PosixSignalRegistration hangup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Leave);
return Application.Run(args, new Session(StandardOutput.Open(), Console.Error, isTerminal));
