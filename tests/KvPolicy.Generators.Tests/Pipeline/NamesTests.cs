using System.ComponentModel.DataAnnotations;
using System.Reflection;

namespace KvPolicy.Generators.Tests.Pipeline;

/// <summary>The generator cannot reference KvPolicy: what it knows of it by name is compared with the real thing.</summary>
public class NamesTests
{
    [Fact]
    public void Attribute_names_are_those_of_the_types()
    {
        var types = new Dictionary<string, Type>
        {
            [nameof(WellKnownNames.KvPolicyAttribute)] = typeof(KvPolicyAttribute),
            [nameof(WellKnownNames.PolicyCatalogAttribute)] = typeof(PolicyCatalogAttribute),
            [nameof(WellKnownNames.PrefillAttribute)] = typeof(PrefillAttribute),
            [nameof(WellKnownNames.DecodeAttribute)] = typeof(DecodeAttribute),
            [nameof(WellKnownNames.ObserveAttribute)] = typeof(ObserveAttribute),
            [nameof(WellKnownNames.DrawAttribute)] = typeof(DrawAttribute),
            [nameof(WellKnownNames.PoolAttribute)] = typeof(PoolAttribute),
            [nameof(WellKnownNames.ShareAttribute)] = typeof(ShareAttribute),
            [nameof(WellKnownNames.ProtectAttribute)] = typeof(ProtectAttribute),
            [nameof(WellKnownNames.RangeAttribute)] = typeof(RangeAttribute),
            [nameof(WellKnownNames.ObsoleteAttribute)] = typeof(ObsoleteAttribute),
        };
        FieldInfo[] names = typeof(WellKnownNames).GetFields(BindingFlags.Static | BindingFlags.Public);
        Assert.Equal(types.Keys.Order(), names.Select(name => name.Name).Order());
        Assert.All(names, name => Assert.Equal(types[name.Name].FullName, name.GetRawConstantValue()));
    }

    [Theory]
    [InlineData(typeof(Unit), typeof(Model.Unit))]
    [InlineData(typeof(Rows), typeof(Model.Rows))]
    [InlineData(typeof(Reduce), typeof(Model.Reduce))]
    [InlineData(typeof(Pooling), typeof(Model.Pooling))]
    [InlineData(typeof(Scope), typeof(Model.Scope))]
    [InlineData(typeof(Base), typeof(Model.Base))]
    [InlineData(typeof(Outside), typeof(Model.Outside))]
    [InlineData(typeof(Packing), typeof(Model.Packing))]
    public void Enums_are_value_for_value_those_of_the_declarations(Type real, Type mirror)
        => Assert.Equal(Values(real), Values(mirror));

    [Theory]
    [InlineData(typeof(PrefillAttribute), "Keep,Tokens,Chunk,Outside,Packing")]
    [InlineData(typeof(DecodeAttribute), "Keep,Tokens,Of")]
    [InlineData(typeof(ObserveAttribute), "Reduce")]
    [InlineData(typeof(DrawAttribute), "")]
    [InlineData(typeof(PoolAttribute), "")]
    [InlineData(typeof(ShareAttribute), "")]
    [InlineData(typeof(ProtectAttribute), "Sinks,Recent,RecentShare")]
    public void Properties_that_can_be_set_are_those_that_the_parser_reads(Type attribute, string read)
        => Assert.Equal(
            read.Split(',', StringSplitOptions.RemoveEmptyEntries).Order(),
            attribute.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly).Where(property => property.CanWrite).Select(property => property.Name).Order());

    private static IEnumerable<(string, int)> Values(Type type) => Enum.GetValues(type).Cast<object>().Select(value => (value.ToString()!, (int)value));
}
