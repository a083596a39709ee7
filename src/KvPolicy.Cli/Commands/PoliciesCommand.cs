using System.Text.Json;
using KvPolicy.Cli.CommandLine;
using KvPolicy.Cli.Output;
using KvPolicy.Policies;
using Spectre.Console;

namespace KvPolicy.Cli.Commands;

/// <summary>Every policy with its axes, parameters, ranges, paper and fidelity note.</summary>
internal static class PoliciesCommand
{
    internal static Command Command { get; } = new()
    {
        Name = "policies",
        Summary = "every policy: axes, parameters, ranges, paper, fidelity",
        Options = [],
        Examples = ["kvpolicy policies"],
        Run = Run,
    };

    private static int Run(Arguments arguments, Session session)
    {
        if (arguments.Json) session.WriteJson(WriteAll);
        else Print(session.Console);
        return 0;
    }

    private static void WriteAll(Utf8JsonWriter json)
    {
        json.WriteStartArray();
        foreach (PolicyInfo policy in Catalog.All) Write(json, policy);
        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, PolicyInfo policy)
    {
        json.WriteStartObject();
        json.WriteString("name", policy.Name);
        json.WriteString("summary", policy.Summary);
        json.WriteString("paper", policy.Paper);
        json.WriteString("fidelity", policy.Fidelity);
        JsonParts.WriteBudget(json, "keep", policy.DefaultKeep);
        JsonParts.WriteBudget(json, "decodeKeep", policy.DefaultDecodeKeep);
        json.WriteStartArray("axes");
        foreach (string axis in policy.Axes) json.WriteStringValue(axis);
        json.WriteEndArray();
        json.WriteStartArray("parameters");
        foreach (ParameterInfo parameter in policy.Parameters) Write(json, parameter);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, ParameterInfo parameter)
    {
        json.WriteStartObject();
        json.WriteString("name", parameter.Name);
        json.WriteString("kind", parameter.Kind.ToString());
        json.WriteString("default", parameter.Default);
        if (parameter.Kind != ParameterKind.Choice)
        {
            json.WriteNumber("minimum", parameter.Minimum);
            json.WriteNumber("maximum", parameter.Maximum);
        }

        json.WriteStartArray("choices");
        foreach (string choice in parameter.Choices) json.WriteStringValue(choice);
        json.WriteEndArray();
        json.WriteBoolean("odd", parameter.Odd);
        json.WriteString("summary", parameter.Summary);
        json.WriteEndObject();
    }

    private static void Print(IAnsiConsole console)
    {
        foreach (PolicyInfo policy in Catalog.All)
        {
            console.MarkupLineInterpolated($"[bold]{policy.Name}[/]  {policy.Summary}");
            foreach (string axis in policy.Axes) console.MarkupLineInterpolated($"  {axis}");
            if (policy.Parameters.Count > 0) console.Write(ParameterTable(policy));
            if (policy.Paper.Length > 0) console.MarkupLineInterpolated($"  paper: {policy.Paper}");
            if (policy.Fidelity.Length > 0) console.MarkupLineInterpolated($"  fidelity: {policy.Fidelity}");
            console.WriteLine();
        }
    }

    private static Table ParameterTable(PolicyInfo policy)
    {
        Table table = Tables.Of("--set", "default", "allowed", "what it is");
        foreach (ParameterInfo p in policy.Parameters) table.AddRow(Markup.Escape(p.Name), Markup.Escape(p.Default), Markup.Escape(p.Allowed), Markup.Escape(p.Summary));
        return table;
    }
}
