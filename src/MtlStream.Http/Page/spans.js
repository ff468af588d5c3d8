// Parts of a text that a person labels: words are chosen by mouse or arrow keys, then a label.
import { el, say } from './dom.js';

// Words and marks with their UTF-16 ranges; white space is none.
function wordsOf(text) {
  const found = [...new Intl.Segmenter('en', { granularity: 'word' }).segment(text)].filter(part => part.segment.trim());
  return found.map(part => ({ start: part.index, end: part.index + part.segment.length }));
}

export function spanMarker(text, redraw) {
  const words = wordsOf(text);
  let spans = [], from = words.length ? 0 : -1, to = from, dragging = false;
  const within = (i, span) => words[i].start >= span.start && words[i].end <= span.end;
  const chosen = i => i >= Math.min(from, to) && i <= Math.max(from, to);

  function move(step, extend) {
    if (!words.length) return;
    to = Math.max(0, Math.min(words.length - 1, to + step));
    if (!extend) from = to;
    say(text.slice(words[Math.min(from, to)].start, words[Math.max(from, to)].end));
    redraw();
  }

  function mark(label) {
    if (from < 0) return;
    const span = { start: words[Math.min(from, to)].start, end: words[Math.max(from, to)].end, label };
    spans = [...spans.filter(other => other.end <= span.start || other.start >= span.end), span].sort((a, b) => a.start - b.start);
    say(`${label}: ${text.slice(span.start, span.end)}`);
    redraw();
  }

  function remove(span) {
    spans = spans.filter(other => other !== span);
    say('Removed');
    redraw();
  }

  // Whether there was one under the cursor.
  function removeHere() {
    const span = spans.find(other => within(to, other));
    if (span) remove(span);
    return Boolean(span);
  }

  function press(i, extend) {
    dragging = true;
    to = i;
    if (!extend) from = i;
    redraw();
    addEventListener('pointerup', () => { dragging = false; }, { once: true });
  }

  function shown() {
    const out = el('div', { class: 'text words', dir: 'auto', role: 'group', 'aria-label': 'Words' });
    let at = 0, into = out, current;
    words.forEach((word, i) => {
      const span = spans.find(other => within(i, other));
      const between = text.slice(at, word.start);
      if (span !== current) {
        if (current) into.append(el('b', {}, current.label));
        out.append(between);
        into = span ? el('mark', { class: 'e0' }) : out;
        if (span) out.append(into);
        current = span;
      } else into.append(between);
      into.append(el('span', { class: chosen(i) ? 'word on' : 'word', pointerdown: event => { event.preventDefault(); press(i, event.shiftKey); },
        pointerover: () => { if (dragging && to !== i) { to = i; redraw(); } } }, text.slice(word.start, word.end)));
      at = word.end;
    });
    if (current) into.append(el('b', {}, current.label));
    out.append(text.slice(at));
    return out;
  }

  const list = () => spans.length > 0 && el('div', { class: 'row', role: 'group', 'aria-label': 'Spans' }, spans.map(span => el('button',
    { type: 'button', class: 'small', title: 'Remove', click: () => remove(span) }, `${span.label}: ${text.slice(span.start, span.end)} ×`)));

  return { shown, list, mark, move, removeHere, labels: () => spans.map(span => `${span.label} ${span.start}-${span.end}`) };
}
