using KvPolicy.Inference.Models;

namespace KvPolicy.Inference.Loading.HuggingFace;

/// <summary>RoPE's base and scaling, in the older form (rope_theta, rope_scaling) and the newer one (rope_parameters).</summary>
internal static class HfRope
{
    private const double DefaultTheta = 10000;

    internal static double Theta(HfJson config)
    {
        double? outer = config.Number("rope_theta"), inner = config.Object("rope_parameters")?.Number("rope_theta");
        if (outer is not null && inner is not null && outer != inner)
        {
            throw LoadError.Of(config.File, "rope_theta", "differs from rope_parameters.rope_theta", "remove the wrong one");
        }
        return inner ?? outer ?? DefaultTheta;
    }

    /// <summary>[headDim / 2] divisors of the frequencies, or null where nothing is scaled.</summary>
    internal static float[]? Divisors(HfJson config, double theta, int headDim)
    {
        if (config.Has("rope_scaling") && config.Has("rope_parameters"))
        {
            throw LoadError.Of(config.File, "rope_scaling", "stands beside rope_parameters", "remove one of them");
        }
        string where = config.Has("rope_parameters") ? "rope_parameters" : "rope_scaling";
        if (config.Object(where) is not { } rope) return null;
        rope.Only("partial_rotary_factor", 1);
        string type = rope.String("rope_type") ?? rope.String("type") ?? RequireType(config, where, rope);
        switch (type)
        {
            case "default":
                RefuseOthers(config, where, rope);
                return null;
            case "linear":
                RefuseOthers(config, where, rope, "factor");
                return [.. Enumerable.Repeat((float)AtLeastOne(rope, "factor"), headDim / 2)];
            case "llama3":
                RefuseOthers(config, where, rope, "factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings");
                return Llama3(config, rope, theta, headDim);
            default:
                throw LoadError.Of(config.File, where + ".rope_type", $"\"{LoadError.Printable(type)}\" is not supported",
                    "use a model with default, linear or llama3 RoPE");
        }
    }

    private static string RequireType(HfJson config, string where, HfJson rope)
    {
        // The newer form may consist of the base alone.
        if (rope.Keys.All(k => k == "rope_theta")) return "default";
        throw LoadError.Of(config.File, where, "has no rope_type", "take the config.json that belongs to the weights");
    }

    // A key that belongs to no known form (per-layer settings, another method's numbers) would change the angles.
    private static void RefuseOthers(HfJson config, string where, HfJson rope, params string[] known)
    {
        string[] always = ["rope_type", "type", "rope_theta", "partial_rotary_factor", "original_max_position_embeddings"];
        string? other = rope.Keys.FirstOrDefault(k => !known.Contains(k) && !always.Contains(k));
        if (other is not null) throw LoadError.Of(config.File, $"{where}.{other}", "is not understood", "use a model without it");
    }

    // Long wavelengths are slowed by the factor, short ones stay, those between are blended.
    private static float[] Llama3(HfJson config, HfJson rope, double theta, int headDim)
    {
        double factor = AtLeastOne(rope, "factor");
        double low = Positive(rope, "low_freq_factor"), high = Positive(rope, "high_freq_factor");
        double original = rope.Number("original_max_position_embeddings") ?? config.NeedNumber("original_max_position_embeddings");
        if (!(original > 0)) throw rope.Invalid("original_max_position_embeddings", "is not above 0");
        if (high <= low) throw rope.Invalid("high_freq_factor", "is not above low_freq_factor");
        var divisors = new float[headDim / 2];
        for (int i = 0; i < divisors.Length; i++)
        {
            double wavelength = 2 * Math.PI * Math.Pow(theta, 2.0 * i / headDim);
            double smooth = (original / wavelength - low) / (high - low);
            divisors[i] = wavelength > original / low ? (float)factor
                : wavelength < original / high ? 1f
                : (float)(1 / ((1 - smooth) / factor + smooth));
        }
        return divisors;
    }

    private static double AtLeastOne(HfJson rope, string key)
    {
        double value = rope.NeedNumber(key);
        return value >= 1 ? value : throw rope.Invalid(key, "a RoPE factor below 1");
    }

    private static double Positive(HfJson rope, string key)
    {
        double value = rope.NeedNumber(key);
        return value > 0 ? value : throw rope.Invalid(key, "is not above 0");
    }
}
