// Try: a text, and what the model says of it.
import { el, replace, say, bar, problem, copyButton, marked, classNames, percent, number } from './dom.js';
import { ask } from './ask.js';

const examples = [
  'Loved the hotel in Lisbon, but the Wi-Fi was hopeless and reception kept us waiting for an hour.',
  'Apple will open its first store in Oslo on Friday, Tim Cook told Reuters.',
  'I have been charged twice for my subscription. Please refund one of the payments!',
  'My phone was stolen at Vienna airport 😡',
];
const pause = 400;

export function showTry(main, about, query) {
  let asked = new AbortController(), timer, last;
  const versions = about.versions ?? [], written = new Set(), texts = about.model.texts;
  const text = el('textarea', { id: 'text', rows: 4, spellcheck: 'false', placeholder: 'Paste or type a text.', maxlength: 100000, input: later, keydown: event => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) now();
  } });
  const against = versions.length < 2 ? null : el('select', { id: 'against', change: now }, el('option', { value: '' }, 'no other version'),
    versions.slice(1).map(name => el('option', { value: name }, name)));
  const link = el('button', { type: 'button', class: 'small', click: copyLink }, 'Copy link');
  const found = el('div', { id: 'found', class: 'grid-of-results', 'aria-busy': 'false' });
  replace(main,
    el('div', {}, el('h1', {}, 'Try a text'), el('p', { class: 'lead' }, 'Every task of the model in one call. The text goes to this worker only, and is kept nowhere.')),
    el('form', { class: 'card', submit: event => { event.preventDefault(); now(); } },
      el('label', { for: 'text', class: 'hidden' }, 'Text'), text,
      el('div', { class: 'row' }, el('button', { type: 'submit', class: 'first' }, 'Annotate'), el('span', { class: 'note' }, el('kbd', {}, 'Ctrl'), ' ', el('kbd', {}, 'Enter')),
        against && [el('label', { for: 'against', class: 'note' }, 'beside'), against], el('span', { class: 'end' }), link),
      el('div', { class: 'row', role: 'group', 'aria-label': 'Examples' }, el('span', { class: 'note' }, 'Examples'),
        examples.map((example, i) => el('button', { type: 'button', class: 'small', title: example, click: () => { text.value = example; now(); } }, ['Hotel', 'News', 'Refund', 'Emoji'][i]))),
      texts.length > 0 && el('div', { class: 'row', role: 'group', 'aria-label': 'Texts to be written' }, el('span', { class: 'note' }, 'Write'), texts.map(writeButton))),
    found);
  empty();
  text.focus({ preventScroll: true });
  if (query.get('text')) { text.value = query.get('text'); now(); }
  return () => { asked.abort(); clearTimeout(timer); };

  function empty() {
    replace(found, el('div', { class: 'empty' }, el('strong', {}, 'Nothing to look at yet'), 'Labels appear here as you type.'));
  }

  function writeButton(name) {
    const button = el('button', { type: 'button', class: 'small', 'aria-pressed': 'false', click: () => {
      if (!written.delete(name)) written.add(name);
      button.setAttribute('aria-pressed', written.has(name));
      now();
    } }, name);
    return button;
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(now, pause);
  }

  async function now() {
    clearTimeout(timer);
    asked.abort();
    asked = new AbortController();
    if (!text.value.trim()) { empty(); return; }
    const given = text.value, body = JSON.stringify([given]), { signal } = asked;
    const more = written.size ? { 'mtlstream.generate': [...written].join(',') } : {};
    found.setAttribute('aria-busy', 'true');
    try {
      const other = against?.value;
      const since = performance.now();
      const [[answer], tokens, [second]] = await Promise.all([
        ask('/v1/annotate?scores=all', { body, signal, more }), ask('/v1/tokenize', { body: JSON.stringify({ text: given }), signal }),
        other ? ask(`/v1/annotate?scores=all&version=${encodeURIComponent(other)}`, { body, signal }) : [null]]);
      if (answer.schema === 'dead-letter.v1') throw Object.assign(new Error(answer.message), { title: 'The text was rejected' });
      const time = performance.now() - since;
      replace(found, second ? [el('div', { class: 'two' }, result(given, answer, versions[0]), result(given, second, other)), differences(answer, second)] : result(given, answer),
        tokensOf(given, tokens), el('p', { class: 'note' }, `${number(tokens.ids.length)} tokens, answered in ${number(time)} ms.`), asJson(given, answer));
      if (given !== last) say('Annotated');
      last = given;
    } catch (error) {
      if (error.name !== 'AbortError') replace(found, problem(error));
    } finally {
      if (!signal.aborted) found.setAttribute('aria-busy', 'false');
    }
  }

  function result(given, answer, name) {
    const tasks = answer.analysis.tasks, colors = new Map();
    const names = el('button', { type: 'button', class: 'small', 'aria-pressed': 'false', click: () => {
      names.setAttribute('aria-pressed', names.getAttribute('aria-pressed') === 'false');
      shown.classList.toggle('names');
    } }, 'Show tags');
    const shown = el('div', {}, marked(given, tasks, colors));
    const tagged = Object.values(tasks).some(task => task.tags);
    return el('div', { class: 'results' },
      el('section', { class: 'card', 'aria-label': 'Text' }, el('div', { class: 'row' }, el('h2', {}, name ?? 'Text'),
        answer.analysis.truncated && el('span', { class: 'chip dot warn' }, 'the end is left out'), el('span', { class: 'end' }), tagged && names),
      shown, tagged && el('div', { class: 'key' }, classNames.map((word, i) => el('span', { class: 'w' + i }, word)))),
      el('div', { class: 'grid' }, [...about.model.tasks, ...Object.keys(tasks).filter(t => 'experimental' in tasks[t]).map(name => ({ name }))].map(task => card(task, tasks[task.name], given)).filter(Boolean)));
  }

  function card(task, answer, given) {
    if (!answer || answer.spans || answer.tags) return null;
    return el('section', { class: 'card', 'aria-label': task.name }, el('h2', {}, task.name), labels(task, answer) ?? other(answer, given));
  }

  function labels(task, answer) {
    if (!answer.scores) return null;
    const given = new Set(answer.labels ? answer.labels.map(label => label.label) : [answer.label]);
    const shown = Object.entries(answer.scores).sort((a, b) => b[1] - a[1]).slice(0, 6);
    const limit = label => task.thresholds.length === 1 ? task.thresholds[0] : task.thresholds[task.labels.indexOf(label)];
    const rest = Object.keys(answer.scores).length - shown.length;
    return [el('div', { class: 'bars' }, shown.map(([label, score]) => bar(label, score, {
      given: given.has(label), mark: limit(label), title: limit(label) === undefined ? undefined : `given from ${percent(limit(label))} on` }))),
    answer.label === null || given.size === 0 ? el('p', { class: 'note' }, 'No label is sure enough to be given.') : null,
    rest > 0 ? el('p', { class: 'note' }, `and ${rest} less likely`) : null];
  }

  function other(answer, given) {
    if (answer.text !== undefined) return [el('p', { class: 'text' }, answer.text ?? 'none'), answer.experimental && el('p', { class: 'note' }, `experimental, score ${percent(answer.score)}`)];
    if (answer.sentences) return el('ol', {}, answer.sentences.map(s => el('li', {}, given.slice(s.start, s.end), ' ', el('span', { class: 'note' }, percent(s.score)))));
    if (answer.label !== undefined) return el('p', {}, answer.label ?? 'none', ' ', el('span', { class: 'note' }, percent(answer.score)));
    if (answer.vector) return el('p', { class: 'note' }, `${number(answer.vector.length)} numbers: see the JSON`);
    if (answer.answers) return el('div', {}, answer.answers.map(a => el('p', {}, el('span', { class: 'note' }, a.question, ': '), a.text ?? 'no answer in the text')));
    return el('pre', {}, JSON.stringify(answer, null, 1).slice(0, 2000));
  }

  function differences(first, second) {
    const [a, b] = [first.analysis.tasks, second.analysis.tasks];
    const ranges = list => list.map(s => `${s.start}–${s.end} ${s.label ?? ''}`.trim()).join(', ') || 'none';
    const summary = task => {
      if (!task) return '–';
      if (task.labels) return task.labels.map(l => l.label).join(', ') || 'none';
      if (task.label !== undefined) return task.label ?? 'none';
      if (task.text !== undefined) return task.text ?? 'none';
      if (task.answers) return task.answers.map(a => a.text ?? 'none').join('; ');
      return ranges(task.spans ?? task.tags ?? task.sentences ?? []);
    };
    const rows = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(name => summary(a[name]) !== summary(b[name]));
    return el('section', { class: 'card' }, el('h2', {}, 'Where they differ'), rows.length === 0 ? el('p', { class: 'note' }, 'Nowhere: both give the same labels.')
      : el('div', { class: 'wide' }, el('table', {}, el('tbody', {}, rows.map(name => el('tr', {}, el('th', { scope: 'row' }, name), el('td', {}, summary(a[name])), el('td', {}, summary(b[name]))))))));
  }

  function tokensOf(given, tokens) {
    const starts = new Set(tokens.windows.slice(1).map(([start]) => start)), begins = new Set(tokens.first);
    return el('details', { class: 'card' }, el('summary', {}, 'What the tokenizer saw'),
      el('p', { class: 'note' }, `${tokens.windows.length === 1 ? 'One window' : `${tokens.windows.length} windows that overlap`} of at most ${tokens.maxTokens} tokens. Dashed: inside a word.`),
      tokens.windows.length > 1 && el('ol', { class: 'note' }, tokens.windows.map(([start, end]) => el('li', {}, `tokens ${start} to ${end}: “${given.slice(tokens.offsets[start][0], tokens.offsets[start][0] + 40)}…”`))),
      el('div', { class: 'tokens' }, tokens.tokens.slice(0, 1000).map((token, i) => el('span', { class: [begins.has(i) ? '' : 'in', starts.has(i) ? 'cut' : ''].join(' ').trim() || undefined, title: `id ${tokens.ids[i]}, ${tokens.offsets[i].join('–')}` }, token))));
  }

  function asJson(given, answer) {
    const json = JSON.stringify(answer, null, 2);
    const quoted = given.replaceAll("'", "'\\''");
    const curl = `curl -s ${location.origin}/v1/annotate -H 'Content-Type: text/plain'${about.token ? " -H \"Authorization: Bearer $TOKEN\"" : ''} --data-binary '${quoted}'`;
    return el('div', { class: 'two' },
      el('details', { class: 'card' }, el('summary', {}, 'As JSON'), el('div', { class: 'row' }, copyButton(() => json)), el('pre', { tabindex: 0 }, json)),
      el('details', { class: 'card' }, el('summary', {}, 'As a curl line'), el('div', { class: 'row' }, copyButton(() => curl)), el('pre', { tabindex: 0 }, curl)));
  }

  async function copyLink() {
    const url = `${location.origin}/#try?text=${encodeURIComponent(text.value)}`;
    history.replaceState(null, '', url);
    await navigator.clipboard.writeText(url).catch(() => {});
    link.textContent = 'Link copied';
    say('The address now carries the text');
    setTimeout(() => { link.textContent = 'Copy link'; }, 1500);
  }
}
