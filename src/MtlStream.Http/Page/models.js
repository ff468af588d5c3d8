// Models: what serves, how well, and what waits to take its place.
import { ask } from './ask.js';
import { el, replace, number, percent, problem, say } from './dom.js';

const kinds = { single_label: 'one label', multi_label: 'any number of labels', token_tags: 'a tag for each word', token_spans: 'spans', vector: 'a vector' };
const states = { running: 'on trial', passed: 'has passed its gates', promoted: 'serves everything', rolled_back: 'was rolled back', refused: 'was refused' };
const every = 2000; // milliseconds

export function showModels(main, about) {
  const { model } = about;
  const beside = el('div', { class: 'results' });
  replace(main, el('div', {}, el('h1', {}, `${model.name} ${model.version}`), el('p', { class: 'lead' }, `Serves on ${model.device}, windows of ${model.maxTokens} tokens, ${model.tasks.length} tasks. Scores are those of the package, measured when it was made.`)),
    beside,
    el('section', { class: 'card' }, el('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': 'Tasks' }, el('table', { class: 'big' },
      head('Task', 'Gives', 'Labels', 'Scores', 'Trained on'),
      el('tbody', {}, model.tasks.map(task => el('tr', {}, el('th', { scope: 'row' }, task.name), el('td', {}, kinds[task.kind] ?? task.kind), el('td', { title: task.labels.join(', ') }, `${task.labels.length}: ${task.labels.slice(0, 4).join(', ')}${task.labels.length > 4 ? ' …' : ''}`),
        el('td', {}, Object.entries(task.scores).map(([name, score]) => el('div', {}, `${name} `, el('strong', {}, number(score.value, 3)), el('span', { class: 'note' }, ` ${score.set}`)))), el('td', { class: 'note' }, task.data.map(d => `${d.name} (${d.license})`).join(', ')))))))));
  return about.trials ? watch(beside, model.version) : undefined;
}

function watch(place, shown) {
  let timer, drawn = '';
  look();
  return () => clearTimeout(timer);

  async function look() {
    try {
      draw(await ask('/v1/models'));
    } catch (error) {
      drawn = '';
      replace(place, problem(error));
    }
    timer = setTimeout(look, every);
  }

  async function decide(what, done) {
    try {
      draw(await ask(`/v1/models/${what}`, { body: '' }));
      say(done);
    } catch (error) {
      drawn = '';
      replace(place, problem(error));
    }
  }

  function draw(state) {
    const told = JSON.stringify(state);
    if (told === drawn) return; // what has the focus keeps it
    drawn = told;
    replace(place, state.serving !== shown && el('p', { class: 'note', role: 'status' }, `Version ${state.serving} serves now. The table below is of ${shown}: load the page again.`),
      state.gates && candidate(state), state.shadow && shadow(state.shadow));
  }

  function candidate({ candidate: tried, gates, canDecide }) {
    const may = (name, text, done, allowed) => el('button', { type: 'button', disabled: allowed && canDecide ? undefined : '', click: () => decide(name, done) }, text);
    return el('section', { class: 'card', 'aria-label': 'Candidate' }, el('h2', {}, tried ? `Candidate ${tried.version} ${states[tried.state] ?? tried.state}` : 'No candidate yet'),
      tried?.reason && el('p', {}, tried.reason),
      wide('Gates', head('Gate', 'Found', 'Asked for'), el('tbody', {},
        el('tr', {}, el('th', { scope: 'row' }, 'Events that it scored'), el('td', {}, number(tried?.events ?? 0)), el('td', {}, `at least ${number(gates.events)}, of ${percent(gates.share)} of the batches`)),
        el('tr', {}, el('th', { scope: 'row' }, 'Labels against the version that serves'), el('td', {}, held(tried, 'labels differ')), el('td', {}, `stability index at most ${number(gates.mostDrift, 2)}`)),
        el('tr', {}, el('th', { scope: 'row' }, 'Time a token'), el('td', {}, held(tried, 'times as long')), el('td', {}, `at most ${number(gates.mostSlowdown, 1)} times`)))),
      el('div', { class: 'row' }, may('promote', 'Promote', 'Promoted', tried?.state === 'passed'), may('rollback', 'Roll back', 'Rolled back', ['running', 'passed', 'promoted'].includes(tried?.state)),
        !canDecide && el('span', { class: 'note' }, 'Who decides needs Http:Token.')));
  }
}

const held = (tried, failure) => tried?.reason?.includes(failure) ? 'not held' : ['passed', 'promoted'].includes(tried?.state) ? 'held' : 'not judged yet';

function shadow({ version, share, tasks }) {
  return el('section', { class: 'card', 'aria-label': 'Shadow' }, el('h2', {}, `${version} in the shadow`),
    el('p', { class: 'note' }, `It scores ${percent(share)} of the events. Nothing of it is published.`),
    wide('Agreement', head('Task', 'Labels compared', 'The same'), el('tbody', {}, tasks.map(t => el('tr', {}, el('th', { scope: 'row' }, t.task), el('td', {}, number(t.compared)), el('td', {}, t.compared ? percent(t.agreed / t.compared) : '–'))))));
}

const wide = (name, ...rows) => el('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': name }, el('table', {}, rows));

const head = (...names) => el('thead', {}, el('tr', {}, names.map(name => el('th', { scope: 'col' }, name))));
