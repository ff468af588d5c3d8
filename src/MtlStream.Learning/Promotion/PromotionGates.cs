namespace MtlStream.Learning.Promotion;

/// <summary>What a candidate has to be like to be promoted.</summary>
/// <param name="MostLoss">F1 that a label may lose, as a fraction; more refuses the candidate when it is beyond chance.</param>
/// <param name="LeastGain">Accuracy that it must gain in some task beyond chance, as a fraction; zero asks for no gain.</param>
/// <param name="Significance">Probability below which a difference is beyond chance.</param>
public sealed record PromotionGates(double MostLoss = 0.02, double LeastGain = 0.01, double Significance = 0.05);
