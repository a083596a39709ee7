using KvPolicy.Generators.Planning;

namespace KvPolicy.Generators.Emission;

/// <summary>The generated files of a policy.</summary>
internal static class PolicyFiles
{
    /// <summary>Adds each file under its hint name.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="name">Beginning of the names: namespace, types around the policy, its own name.</param>
    /// <param name="add">Takes a name and a text.</param>
    public static void Add(KernelPlan plan, string name, Action<string, string> add)
    {
        string host = HostEmitter.Emit(plan), gpu = GpuEmitter.Emit(plan);
        add($"{name}.Policy.g.cs", PolicyEmitter.Emit(plan));
        add($"{name}.Plan.g.cs", PlanEmitter.Emit(plan));
        add($"{name}.Host.g.cs", host);
        add($"{name}.Gpu.g.cs", gpu);
        add($"{name}.Sources.g.cs", SourcesEmitter.Emit(plan, host, plan.Prefill is null && plan.Decode is null ? "" : gpu));
    }
}
