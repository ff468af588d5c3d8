// Review: one question after the other, a key each.
import { el, replace, say, problem, percent } from './dom.js';
import { ask } from './ask.js';
import { spanMarker } from './spans.js';

const keys = '1234567890abcdefghijklmnopqrstvwxyz';

export function showReview(main) {
  let task = '', state, marked = new Set(), marker, busy = false;
  const by = el('input', { id: 'by', value: localStorage.getItem('by') ?? '', autocomplete: 'nickname', change: () => { localStorage.setItem('by', by.value.trim()); load(); } });
  const tasks = el('select', { id: 'task', change: () => { task = tasks.value; load(); } });
  const place = el('div', { class: 'results' });
  replace(main, el('div', {}, el('h1', {}, 'Review'), el('p', { class: 'lead' }, 'What the model was unsure of, one text at a time. The answers become the next version.')),
    el('div', { class: 'row' }, el('label', { for: 'task', class: 'note' }, 'Task'), tasks, el('label', { for: 'by', class: 'note' }, 'Who answers'), el('span', { class: 'short' }, by)), place);
  addEventListener('keydown', pressed);
  load();
  return () => removeEventListener('keydown', pressed);

  async function send(body) {
    if (busy) return;
    busy = true;
    try {
      state = await ask('/v1/review', { body: JSON.stringify({ task, by: by.value.trim() || 'page', ...body }) });
      task = state.task;
      marked = new Set();
      marker = state.spans && state.question ? spanMarker(state.question.text, draw) : null;
      draw();
    } catch (error) {
      replace(place, problem(error));
    } finally {
      busy = false;
    }
  }

  function load() { return send({}); }

  function answer(labels) {
    say(labels === null ? 'Skipped' : labels.join(', ') || 'none of them');
    return send({ question: state.question.id, labels });
  }

  function choose(label) {
    if (marker) return marker.mark(label);
    if (!state.several) return answer([label]);
    if (!marked.delete(label)) marked.add(label);
    draw();
  }

  function finished() { return answer(marker ? marker.labels() : [...marked]); }

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const at = keys.indexOf(event.key), step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (marker && step) marker.move(step, event.shiftKey);
    else if (marker && /^(Backspace|Delete)$/.test(event.key) && marker.removeHere()) say('Removed');
    else if (event.key === 'u' || event.key === 'Backspace') send({ undo: true });
    else if (!state?.question) return;
    else if (event.key === '?') answer(null);
    else if (event.key === '.') answer([]);
    else if (event.key === 'Enter' && state.several && event.target.tagName !== 'BUTTON') finished();
    else if (at >= 0 && event.key && at < state.labels.length) choose(state.labels[at]);
    else return;
    event.preventDefault();
  }

  function draw() {
    replace(tasks, state.tasks.map(name => el('option', { value: name, selected: name === task ? '' : undefined }, name)));
    const all = state.done + state.left;
    const button = (key, text, act, more = {}) => el('button', { type: 'button', click: act, ...more }, key && el('kbd', {}, key), ' ', text);
    const undo = button('u', 'Undo', () => send({ undo: true }), { disabled: state.canUndo ? undefined : '' });
    replace(place, el('div', { class: 'row note' }, el('span', {}, `${state.done} of ${all} answered`), state.agreement !== null && el('span', { class: 'chip', title: 'Krippendorff’s alpha' }, `agreement ${percent(state.agreement)}`)),
      el('div', { class: 'progress', role: 'progressbar', 'aria-label': 'Answered', 'aria-valuenow': state.done, 'aria-valuemax': all, style: { '--v': `${100 * state.done / Math.max(1, all)}%` } }, el('span')),
      state.question ? el('section', { class: 'card', 'aria-label': 'Question' }, state.question.reasons.length > 0 && el('div', { class: 'row' }, state.question.reasons.map(r => el('span', { class: 'chip' }, r))),
        marker ? marker.shown() : el('p', { class: 'text', dir: 'auto' }, state.question.text), marker && marker.list(),
        marker && el('p', { class: 'note' }, 'Choose words with the mouse, or with ← → and Shift; then a label. Backspace takes one away, Enter answers.'),
        el('div', { class: 'row', role: 'group', 'aria-label': 'Labels' }, state.labels.map((label, i) => button(keys[i], label, () => choose(label), { 'aria-pressed': state.several && !marker ? String(marked.has(label)) : undefined }))),
        el('div', { class: 'row' }, state.several && button('Enter', 'Answer', finished, { class: 'first' }), button('.', 'None of them', () => answer([])), button('?', 'Cannot tell', () => answer(null)), el('span', { class: 'end' }), undo))
        : el('div', { class: 'empty' }, el('strong', {}, all ? 'All answered' : 'Nothing to review'), all ? 'Teach the next version: mtlstream teach --from-topic, or with the file of answers.' : 'Texts that the model is unsure of come here: see Watch:Review.', undo));
  }
}
