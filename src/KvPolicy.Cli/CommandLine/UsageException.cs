namespace KvPolicy.Cli.CommandLine;

/// <summary>Arguments that cannot be right: one line on standard error, exit code 2.</summary>
internal sealed class UsageException(string message) : Exception(message);

/// <summary>Right arguments, but the work cannot be done: one line on standard error, exit code 1.</summary>
internal sealed class CommandException(string message, Exception? inner = null) : Exception(message, inner);
