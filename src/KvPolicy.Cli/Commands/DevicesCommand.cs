using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Output;
using KvPolicy.Inference;
using KvPolicy.Inference.Devices;
using Spectre.Console;

namespace KvPolicy.Cli.Commands;

/// <summary>What this machine can run on, and why not on the rest.</summary>
internal static class DevicesCommand
{
    internal static Command Command { get; } = new()
    {
        Name = "devices",
        Summary = "what was found to run on, and why not",
        Options = [],
        Examples = ["kvpolicy devices"],
        Run = Run,
    };

    private static int Run(Arguments arguments, Session session)
    {
        IReadOnlyList<DeviceInfo> devices = EngineDevices.Find();
        if (arguments.Json) Write(session, devices);
        else Print(session, devices);
        return 0;
    }

    private static void Write(Session session, IReadOnlyList<DeviceInfo> devices)
        => session.WriteJson(json =>
        {
            json.WriteStartArray();
            foreach (DeviceInfo device in devices)
            {
                json.WriteStartObject();
                json.WriteString("name", device.Name);
                json.WriteBoolean("available", device.Available);
                json.WriteString("detail", device.Detail);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });

    private static void Print(Session session, IReadOnlyList<DeviceInfo> devices)
    {
        Table table = Tables.Of("device", "", "what was found");
        foreach (DeviceInfo device in devices) table.AddRow(Markup.Escape(device.Name), device.Available ? "available" : "not here", Markup.Escape(device.Detail));
        session.Console.Write(table);
    }
}
