using KvPolicy.Inference;
using KvPolicy.Inference.Tokenization;
using Kv.App._1;

// A model of its own is in the package; give a .gguf, a Hugging Face folder or hf:ORG/NAME for another.
using InferenceEngine engine = InferenceEngine.Load(args.Length > 0 ? args[0] : "embedded");
string shots = string.Concat(Enumerable.Repeat(" Q : flag of desia ? [ blue gold teal pink ] A : desia pink .<sep>", 12));
int[] prompt = [.. engine.Tokenizer.Encode(shots + " Q : flag of desia ? [ blue gold teal pink ] A :", new EncodeOptions(ParseSpecial: true, AddSpecial: true)).Select(token => token.Id)];

GenerationResult full = engine.Generate(new GenerationRequest { Prompt = prompt, MaxTokens = 32 });
GenerationResult small = engine.Generate(new GenerationRequest { Prompt = prompt, MaxTokens = 32, Policy = new RecentValues() });

Receipt receipt = small.Receipt;
Console.WriteLine($"full cache:   {full.Text}");
Console.WriteLine($"{receipt.Policy!.Name}: {small.Text}");
Console.WriteLine($"tokens kept, of {small.PromptTokens} in the prompt:");
for (int layer = 0; layer < receipt.Kept.Count; layer++) Console.WriteLine($"  layer {layer}: {string.Join(' ', receipt.Kept[layer])} (one number a KV head)");
Console.WriteLine($"cache after the prompt: {receipt.CacheBytes.AfterPrefill} of {full.Receipt.CacheBytes.AfterPrefill} bytes");
Console.WriteLine($"ran: {string.Join(", ", receipt.Kernels.Select(kernel => $"{kernel.Name} x {kernel.Launches}"))}");
