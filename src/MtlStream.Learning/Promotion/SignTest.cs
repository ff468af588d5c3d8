namespace MtlStream.Learning.Promotion;

/// <summary>Exact one-sided sign test on pairs, which for right and wrong is McNemar's.</summary>
public static class SignTest
{
    /// <summary>How likely so many of the pairs that differ, or more, would go one way if a coin decided: 1 where none differs.</summary>
    /// <param name="oneWay">Pairs that went that way.</param>
    /// <param name="otherWay">Pairs that went the other.</param>
    public static double Probability(int oneWay, int otherWay)
    {
        var all = oneWay + otherWay;
        var logarithm = -all * Math.Log(2); // of C(all, k) / 2^all, k from 0
        var sum = 0.0;
        for (var k = 0; k <= all; k++)
        {
            if (k >= oneWay) sum += Math.Exp(logarithm);
            logarithm += Math.Log(all - k) - Math.Log(k + 1);
        }

        return Math.Min(1, sum);
    }
}
