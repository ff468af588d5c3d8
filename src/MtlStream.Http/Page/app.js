// The frame: what there is, which part is shown, and how the server is asked.
import { showTry } from './try.js';
import { showLive } from './live.js';
import { showReview } from './review.js';
import { showModels } from './models.js';
import { el, replace, say } from './dom.js';
import { ask, token } from './ask.js';

const parts = { try: ['Try', showTry], live: ['Live', showLive], review: ['Review', showReview], models: ['Models', showModels] };
const main = document.getElementById('main');
let about, leave = () => {};

theme(localStorage.getItem('theme'));
document.getElementById('theme').addEventListener('click', () => {
  const dark = getComputedStyle(document.documentElement).colorScheme === 'dark'
    || (!document.documentElement.dataset.theme && matchMedia('(prefers-color-scheme: dark)').matches);
  localStorage.setItem('theme', dark ? 'light' : 'dark');
  theme(localStorage.getItem('theme'));
  dispatchEvent(new Event('recolor'));
});
addEventListener('hashchange', show);
start();

function theme(name) {
  if (name) document.documentElement.dataset.theme = name;
}

async function start() {
  try {
    about = await ask('/v1/page');
  } catch (problem) {
    if (problem.status === 401) return askForToken();
    replace(main, el('div', { class: 'empty' }, el('strong', {}, 'The worker is not ready'), problem.message, el('span', { class: 'note' }, 'This page asks again every two seconds.')));
    setTimeout(start, 2000);
    return;
  }
  document.getElementById('model').textContent = `${about.model.name} ${about.model.version}`;
  document.getElementById('model').title = `The model that serves, on ${about.model.device}`;
  replace(document.getElementById('parts'), about.parts.map(name => el('a', { href: '#' + name }, parts[name][0])));
  show();
}

function show() {
  if (!about) return;
  const [name, query] = location.hash.slice(1).split('?');
  const part = about.parts.includes(name) ? name : about.parts[0];
  for (const link of document.querySelectorAll('#parts a')) {
    if (link.hash === '#' + part) link.setAttribute('aria-current', 'page'); else link.removeAttribute('aria-current');
  }
  document.title = `${parts[part][0]} · MtlStream`;
  leave();
  leave = parts[part][1](main, about, new URLSearchParams(query)) || (() => {});
}

function askForToken() {
  const field = el('input', { type: 'password', id: 'token', autocomplete: 'off', required: '' });
  const form = el('form', { class: 'card' }, el('h1', {}, 'A token, please'),
    el('p', { class: 'lead' }, 'This worker is reached from other machines. Its setting Http:Token says who may look; this tab forgets it when it is closed.'),
    el('label', { for: 'token' }, 'Token'), field, el('div', { class: 'row' }, el('button', { class: 'first', type: 'submit' }, 'Open')));
  form.addEventListener('submit', event => {
    event.preventDefault();
    token(field.value.trim());
    say('Checking the token');
    start();
  });
  replace(main, form);
  field.focus();
}
