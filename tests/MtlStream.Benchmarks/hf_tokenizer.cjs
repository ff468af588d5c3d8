// Hugging Face's tokenizers on one thread, by the native module of its npm package: tokens per second on the texts of stdin, a JSON array.
// Usage: node hf_tokenizer.cjs tokenizers.PLATFORM.node vocab.txt SECONDS
process.env.RAYON_NUM_THREADS = '1';
const fs = require('fs');
const [binding, vocabulary, seconds] = process.argv.slice(2);
const hf = require(require('path').resolve(binding));

const ids = {};
fs.readFileSync(vocabulary, 'utf8').trimEnd().split('\n').forEach((token, id) => { ids[token] = id; });
const tokenizer = new hf.Tokenizer(hf.WordPiece.init(ids, { unkToken: '[UNK]' }));
tokenizer.setNormalizer(hf.bertNormalizer({ lowercase: true, cleanText: true, handleChineseChars: true, stripAccents: true }));
tokenizer.setPreTokenizer(hf.bertPreTokenizer());

(async () => {
  const texts = JSON.parse(fs.readFileSync(0, 'utf8'));
  let [tokens, first] = [0, 0];
  const started = process.hrtime.bigint();
  const elapsed = () => Number(process.hrtime.bigint() - started) / 1e9;
  while (elapsed() < Number(seconds)) {
    const encoded = await tokenizer.encodeBatch(texts.slice(first, first + 1000));
    for (const text of encoded) tokens += text.getLength();
    first = first + 1000 < texts.length ? first + 1000 : 0;
  }
  console.log(JSON.stringify({ tokensPerSecond: tokens / elapsed(), firstIds: (await tokenizer.encode(texts[0])).getIds() }));
})();
