// Live: the stream as it goes, by server-sent events.
import { el, replace, bar, marked, number, percent } from './dom.js';
import { headers } from './ask.js';

const kept = 300;
const advice = {
  malformed_payload: 'Not JSON: look at one with “mtlstream dead-letters list”; set Input:Format where it is plain text.',
  missing_text: 'The text is elsewhere: set Input:TextPointer, or Input:WithoutText where events without one are fine.',
  wrong_type: 'The text is no string: set Input:TextPointer to the member that is one.',
  empty_text: 'Nothing to read: Input:WithoutText=Drop or Pass takes such events out of the dead letters.',
  invalid_utf8: 'The producer writes another encoding; expected UTF-8.',
  payload_too_large: 'Raise Input:MaxPayloadBytes, or have the producer send less.',
  unsupported_encoding: 'Avro, Protobuf or UTF-16: have the producer write JSON, or set up the schema registry.',
  inference_failed: 'The model failed on these texts alone: keep some, and report them.',
  output_too_large: 'Raise max.message.bytes of the output topic.',
  output_refused: 'The output topic refuses them: see its settings, such as compaction without a key.',
  internal_error: 'A bug of the program: the log says where.',
};

export function showLive(main, about) {
  const points = [], colors = new Map(), ending = new AbortController();
  const state = el('span', { class: 'chip dot warn', role: 'status' }, 'connecting');
  const tile = (name, about) => {
    const [value, more] = [el('dd', {}, '–'), el('dd', {}, about)];
    return { element: el('dl', { class: 'tile' }, el('dt', {}, name), value, more), set: (text, note) => { value.textContent = text; if (note !== undefined) more.textContent = note; } };
  };
  const tiles = { rate: tile('Events a second', ''), latency: tile('Latency, p50', ''), lag: tile('Waiting', ''), batch: tile('Texts a batch', ''), rejected: tile('Rejected', '') };
  const [tasks, rejections, partitions, results] = [el('div', { class: 'grid' }), el('div'), el('div'), el('ul', { class: 'list' })];
  const plots = [plot('Events a second', [['published', '--bar', p => p.published], ['rejected', '--bad', p => p.rejected]]),
    plot('Latency, ms', [['p50', '--bar', p => p.p50], ['p99', '--w3', p => p.p99]]), plot('Events that wait', [['waiting', '--w2', p => p.lag]])];
  replace(main,
    el('div', { class: 'row' }, el('h1', {}, 'The stream'), state, el('span', { class: 'end' }), pauseButton()),
    el('div', { class: 'tiles' }, Object.values(tiles).map(t => t.element)),
    el('div', { class: 'grid' }, plots.map(p => p.element)),
    el('h2', {}, 'Labels of the last five minutes'),
    el('p', { class: 'note' }, 'Bars: share in the stream. Lines: share in the reference that the model was made for.'), tasks,
    el('div', { class: 'two' }, el('section', { class: 'card' }, el('h2', {}, 'Newest results'), results), el('div', { class: 'results' },
      el('section', { class: 'card' }, el('h2', {}, 'Rejections'), rejections), el('section', { class: 'card' }, el('h2', {}, 'Partitions'), partitions))));
  nothing();
  let paused = false;
  const resize = new ResizeObserver(() => plots.forEach(p => p.resize()));
  resize.observe(main);
  const recolor = () => plots.forEach(p => p.make());
  addEventListener('recolor', recolor);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', recolor);
  listen();
  return () => {
    ending.abort();
    resize.disconnect();
    removeEventListener('recolor', recolor);
    matchMedia('(prefers-color-scheme: dark)').removeEventListener('change', recolor);
  };

  function nothing() {
    replace(tasks, el('div', { class: 'empty' }, el('strong', {}, 'No events yet'), 'Labels appear when the first ones are through.'));
    replace(results, el('li', { class: 'note' }, 'None yet.'));
    replace(rejections, el('p', { class: 'note' }, 'None. Every event had a text that could be read.'));
    replace(partitions, el('p', { class: 'note' }, 'None assigned yet.'));
  }

  function pauseButton() {
    const button = el('button', { type: 'button', class: 'small', 'aria-pressed': 'false', click: () => {
      paused = !paused;
      button.setAttribute('aria-pressed', paused);
      button.textContent = paused ? 'Go on' : 'Pause';
    } }, 'Pause');
    return button;
  }

  // EventSource cannot bring a token; reading the stream by hand can. A connection that breaks is made again.
  async function listen() {
    let wait = 1000;
    while (!ending.signal.aborted) {
      try {
        const answer = await fetch('/v1/live', { headers: headers(), signal: ending.signal });
        if (!answer.ok) throw new Error(`status ${answer.status}`);
        told('good', 'live');
        wait = 1000;
        await read(answer.body.pipeThrough(new TextDecoderStream()).getReader());
      } catch {
        if (ending.signal.aborted) return;
      }
      told('bad', 'connection lost, trying again');
      await new Promise(resolve => setTimeout(resolve, wait));
      wait = Math.min(8000, 2 * wait);
    }
  }

  function told(kind, text) {
    if (state.textContent === text) return;
    state.className = `chip dot ${kind}`;
    state.textContent = text;
  }

  async function read(reader) {
    let rest = '', beat;
    const silent = () => { clearTimeout(beat); beat = setTimeout(() => reader.cancel(), 25000); };
    for (silent(); ; silent()) {
      const { value, done } = await reader.read();
      if (done) break;
      const blocks = (rest + value).split('\n\n');
      rest = blocks.pop();
      for (const block of blocks) take(block);
    }
    clearTimeout(beat);
  }

  function take(block) {
    const name = /^event: (.*)$/m.exec(block)?.[1], data = /^data: (.*)$/m.exec(block)?.[1];
    if (name === 'history') {
      const past = JSON.parse(data);
      points.splice(0, points.length, ...past.points);
      past.results.forEach(newest);
      draw();
    }
    if (name === 'now') show(JSON.parse(data));
  }

  function show(now) {
    points.push(now.point);
    if (points.length > kept) points.shift();
    if (paused) return;
    draw();
    const recent = points.slice(-5), mean = of => recent.reduce((sum, p) => sum + of(p), 0) / recent.length;
    const rejected = Object.values(now.rejected).reduce((a, b) => a + b, 0);
    tiles.rate.set(number(mean(p => p.published + p.rejected), 1), `${number(now.published)} published`);
    const last = points.findLast(p => p.p50 !== null);
    tiles.latency.set(last ? `${number(last.p50)} ms` : '–', last ? `p99 ${number(last.p99)} ms` : 'no event yet');
    tiles.lag.set(number(now.point.lag), `${now.partitions.length} partitions`);
    if (now.batch.batches) tiles.batch.set(number(now.batch.rows, 1), `${number(now.batch.tokens)} tokens, ${percent(now.batch.padding ?? 0)} padding`);
    tiles.rejected.set(number(rejected), now.model ? `on ${now.model.device}` : '');
    if (now.tasks.some(task => task.count)) replace(tasks, now.tasks.map(card));
    if (rejected) replace(rejections, rejectionTable(now.rejected, now.published + rejected));
    if (now.partitions.length) replace(partitions, table(['Partition', 'Waiting'], now.partitions.map(p => [`${p.topic} ${p.partition}`, number(p.lag)])));
    for (const result of now.results) newest(result);
  }

  function card(task) {
    const drift = task.drift === null ? null : task.drift < .1 ? ['good', 'as the reference'] : task.drift < .25 ? ['warn', 'moving'] : ['bad', 'drifted'];
    return el('section', { class: 'card', 'aria-label': task.name },
      el('div', { class: 'row' }, el('h2', {}, task.name), el('span', { class: 'end' }), drift && el('span', { class: `chip dot ${drift[0]}`, title: `population stability index ${task.drift}` }, `${drift[1]} ${task.drift.toFixed(2)}`)),
      el('div', { class: 'bars' }, task.labels.map(label => bar(label.label, label.share, { mark: label.reference ?? undefined }))),
      el('p', { class: 'note' }, `${number(task.count)} labels${task.confidence === null ? '' : `, confidence ${percent(task.confidence)}`}`));
  }

  function rejectionTable(counts, all) {
    return el('ul', { class: 'list' }, Object.entries(counts).sort((a, b) => b[1] - a[1]).map(([reason, count]) =>
      el('li', {}, el('div', { class: 'row' }, el('code', {}, reason), el('span', { class: 'end' }, `${number(count)} · ${percent(count / all)}`)), el('span', { class: 'note' }, advice[reason] ?? ''))));
  }

  function table(heads, rows) {
    return el('div', { class: 'wide' }, el('table', {}, el('thead', {}, el('tr', {}, heads.map((head, i) => el('th', { scope: 'col', class: i ? 'num' : undefined }, head)))),
      el('tbody', {}, rows.map(row => el('tr', {}, row.map((cell, i) => el('td', { class: i ? 'num' : undefined }, cell)))))));
  }

  function newest(result) {
    const labels = result.shape ?? Object.fromEntries(Object.entries(result.tasks).filter(([, a]) => !a.spans && !a.tags)
      .map(([name, a]) => [name, a.labels ? a.labels.map(l => l.label) : a.label ? [a.label] : []]));
    const line = el('li', {}, result.text === undefined ? el('span', { class: 'note' }, 'Text hidden (Http:ShowTexts)') : marked(result.text, { ...result.tasks, pos: {} }, colors),
      el('div', { class: 'row' }, Object.entries(labels).filter(([, l]) => l.length).slice(0, 8).map(([name, l]) => el('span', { class: 'chip', title: name }, l.slice(0, 3).join(', ')))));
    if (results.firstElementChild?.classList.contains('note')) results.replaceChildren();
    results.prepend(line);
    while (results.children.length > 8) results.lastElementChild.remove();
  }

  function draw() {
    plots.forEach(p => p.draw());
  }

  function plot(title, series) {
    const place = el('div', { class: 'plot', role: 'img', 'aria-label': title });
    let chart;
    const data = () => [points.map(p => p.t / 1000), ...series.map(([, , of]) => points.map(p => of(p)))];
    const size = () => ({ width: Math.max(200, place.clientWidth), height: 190 });
    const self = { element: el('section', { class: 'card' }, el('div', { class: 'row' }, el('h2', {}, title), el('span', { class: 'end key' }, series.map(([name, color]) => el('span', { style: { 'border-color': `var(${color})` } }, name)))), place),
      make() {
        const probe = el('span');
        const color = name => { probe.style.color = `var(${name})`; main.append(probe); const found = getComputedStyle(probe).color; probe.remove(); return found; };
        const axis = { stroke: color('--soft'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false }, font: '11px system-ui', size: 46 };
        chart?.destroy();
        chart = new uPlot({ ...size(), legend: { show: false }, cursor: { y: false }, padding: [8, 4, 0, 0], scales: { y: { range: (u, low, high) => [0, Math.max(1, high * 1.1)] } },
          axes: [{ ...axis, size: 26, values: (u, ticks) => ticks.map(t => new Date(1000 * t).toTimeString().slice(0, 8)), space: 80 }, { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5, 1e6], values: (u, ticks) => ticks.map(t => number(t)) }],
          series: [{}, ...series.map(([name, c]) => ({ label: name, stroke: color(c), width: 1.75, spanGaps: true, points: { show: false } }))] }, data(), place);
      },
      draw() { if (!place.isConnected) return; if (!chart) self.make(); else chart.setData(data()); place.setAttribute('aria-label', `${title}: ${series.map(([name, , of]) => `${name} ${number(points.length ? of(points.at(-1)) : null, 1)}`).join(', ')}`); },
      resize() { chart?.setSize(size()); } };
    return self;
  }
}
