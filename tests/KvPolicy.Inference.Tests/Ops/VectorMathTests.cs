using System.Runtime.Intrinsics;

namespace KvPolicy.Inference.Tests.Ops;

public class VectorMathTests
{
    [Fact]
    public void Exp_is_right_to_a_unit_in_the_last_place_or_two()
    {
        for (float x = -87.33f; x < 88; x += 0.00731f)
        {
            double want = Math.Exp(x);
            Assert.True(Math.Abs(VectorMath.Exp(x) - want) <= 1.5e-7 * want, $"exp({x}) = {VectorMath.Exp(x)}, not {want}");
            Assert.Equal(VectorMath.Exp(x), VectorMath.Exp(Vector512.Create(x))[7]);
        }

        Assert.Equal(1f, VectorMath.Exp(0f));
        Assert.Equal(0f, VectorMath.Exp(float.NegativeInfinity));
        Assert.Equal(0f, VectorMath.Exp(-100f));
        Assert.True(float.IsFinite(VectorMath.Exp(1000f)));
    }
}
