// Elements from strings that are never HTML: text becomes text nodes, whatever it holds.
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'style') for (const [property, given] of Object.entries(value)) element.style.setProperty(property, given);
    else if (typeof value === 'function') element.addEventListener(key, value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

export const replace = (element, ...children) => element.replaceChildren(...children.flat().filter(Boolean));

export const say = text => { document.getElementById('said').textContent = text; };

export const percent = share => `${(100 * share).toFixed(share > 0 && share < .0995 ? 1 : 0)} %`;

export const number = (value, digits = 0) => value === null || value === undefined ? '–'
  : value.toLocaleString('en', { maximumFractionDigits: digits });

export function bar(label, value, { given = true, mark, title, figure } = {}) {
  return el('div', { class: given ? 'given' : 'other', title },
    el('span', {}, label.split(/(?<=[._])/).flatMap((part, i) => i ? [el('wbr'), part] : part)), el('span', { class: 'track', style: { '--v': `${100 * Math.min(1, value)}%` } }, el('span'),
      mark === undefined ? null : el('em', { style: { '--t': `${100 * mark}%` } })),
    el('span', { class: 'num' }, figure ?? percent(value)));
}

export function problem(found) {
  return el('p', { class: 'problem', role: 'alert' }, el('strong', {}, found.title || 'That did not work'), '. ', found.message);
}

export function copyButton(text) {
  const button = el('button', { type: 'button', class: 'small', click: async () => {
    await navigator.clipboard.writeText(text());
    button.textContent = 'Copied';
    say('Copied');
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  } }, 'Copy');
  return button;
}

const classes = { NOUN: 0, PROPN: 0, PRON: 0, VERB: 1, AUX: 1, ADJ: 2, ADV: 3, NUM: 4 };
export const classNames = ['noun', 'verb', 'adjective', 'adverb', 'number'];

// A text with its spans and words in place. Offsets are UTF-16 units, as JavaScript has them.
export function marked(text, tasks, colors) {
  const spans = [], tags = [];
  for (const answer of Object.values(tasks)) {
    spans.push(...answer.spans ?? []);
    tags.push(...answer.tags ?? []);
  }
  spans.sort((a, b) => a.start - b.start || b.end - a.end);
  tags.sort((a, b) => a.start - b.start);
  const out = el('p', { class: 'text', dir: 'auto' });
  let at = 0;
  for (const span of spans) {
    if (span.start < at) continue; // within the one before
    words(out, text, tags, at, span.start);
    const mark = el('mark', { class: 'e' + colorOf(colors, span.label), title: `${span.label} ${span.score}` });
    words(mark, text, tags, span.start, span.end);
    mark.append(el('b', {}, span.label));
    out.append(mark);
    at = span.end;
  }
  words(out, text, tags, at, text.length);
  return out;
}

function colorOf(colors, label) {
  if (!colors.has(label)) colors.set(label, colors.size % 6);
  return colors.get(label);
}

function words(into, text, tags, from, to) {
  let at = from;
  for (const tag of tags) {
    if (tag.end <= from || tag.start < at) continue;
    if (tag.end > to) break;
    into.append(text.slice(at, tag.start));
    const known = classes[tag.label];
    into.append(el('i', { class: known === undefined ? undefined : 'w' + known, 'data-tag': tag.label, title: tag.label }, text.slice(tag.start, tag.end)));
    at = tag.end;
  }
  into.append(text.slice(at, to));
}
