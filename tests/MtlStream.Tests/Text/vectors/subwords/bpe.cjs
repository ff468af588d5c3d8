// Byte-level BPE by Hugging Face's tokenizers. Usage: node bpe.cjs BINDING train CORPUS VOCABULARY | encode (a JSON array of texts on stdin)
const fs = require('fs');
const path = require('path');
const [binding, what, corpus, size] = process.argv.slice(2);
const hf = require(path.resolve(binding));
const [vocabFile, mergesFile] = ['bpe-vocab.json', 'bpe-merges.txt'].map(name => path.join(__dirname, name));

if (what === 'train') {
  const tokenizer = new hf.Tokenizer(hf.BPE.empty());
  tokenizer.setPreTokenizer(hf.byteLevelPreTokenizer(false));
  tokenizer.train([corpus]);
  const saved = path.join(__dirname, 'trained.json');
  tokenizer.save(saved);
  const { merges } = JSON.parse(fs.readFileSync(saved, 'utf8')).model;
  fs.unlinkSync(saved);
  // The first merges of a larger vocabulary are those of a smaller one.
  const tokens = ['<s>', '<pad>', '</s>', '<unk>', ...hf.byteLevelAlphabet().sort()];
  const kept = merges.slice(0, Number(size) - tokens.length).map(merge => (typeof merge === 'string' ? merge.split(' ') : merge));
  tokens.push(...kept.map(([left, right]) => left + right));
  fs.writeFileSync(vocabFile, JSON.stringify(Object.fromEntries(tokens.map((token, id) => [token, id]))) + '\n');
  fs.writeFileSync(mergesFile, ['#version: 0.2', ...kept.map(merge => merge.join(' '))].join('\n') + '\n');
} else {
  const vocab = JSON.parse(fs.readFileSync(vocabFile, 'utf8'));
  const merges = fs.readFileSync(mergesFile, 'utf8').trimEnd().split('\n').slice(1).map(line => line.split(' '));
  const tokenizer = new hf.Tokenizer(hf.BPE.init(vocab, merges));
  tokenizer.setPreTokenizer(hf.byteLevelPreTokenizer(false));
  (async () => {
    const result = [];
    for (const text of JSON.parse(fs.readFileSync(0, 'utf8'))) {
      const encoded = await tokenizer.encode(text, null, { addSpecialTokens: false });
      result.push([encoded.getIds(), encoded.getOffsets()]);
    }
    console.log(JSON.stringify(result));
  })();
}
