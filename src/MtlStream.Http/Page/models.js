// Models: what serves, how well, and what waits to take its place.
import { el, replace, number } from './dom.js';

const kinds = { single_label: 'one label', multi_label: 'any number of labels', token_tags: 'a tag for each word', token_spans: 'spans', vector: 'a vector' };

export function showModels(main, about) {
  const { model } = about;
  replace(main, el('div', {}, el('h1', {}, `${model.name} ${model.version}`), el('p', { class: 'lead' }, `Serves on ${model.device}, windows of ${model.maxTokens} tokens, ${model.tasks.length} tasks. Scores are those of the package, measured when it was made.`)),
    el('section', { class: 'card' }, el('div', { class: 'wide', tabindex: 0, role: 'region', 'aria-label': 'Tasks' }, el('table', { class: 'big' },
      el('thead', {}, el('tr', {}, ['Task', 'Gives', 'Labels', 'Scores', 'Trained on'].map(h => el('th', { scope: 'col' }, h)))),
      el('tbody', {}, model.tasks.map(task => el('tr', {}, el('th', { scope: 'row' }, task.name), el('td', {}, kinds[task.kind] ?? task.kind), el('td', { title: task.labels.join(', ') }, `${task.labels.length}: ${task.labels.slice(0, 4).join(', ')}${task.labels.length > 4 ? ' …' : ''}`),
        el('td', {}, Object.entries(task.scores).map(([name, score]) => el('div', {}, `${name} `, el('strong', {}, number(score.value, 3)), el('span', { class: 'note' }, ` ${score.set}`)))), el('td', { class: 'note' }, task.data.map(d => `${d.name} (${d.license})`).join(', ')))))))));
}
