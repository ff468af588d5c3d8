// Asks the server. The token stays in this tab.
export function token(value) {
  if (value !== undefined) sessionStorage.setItem('token', value);
  return sessionStorage.getItem('token') ?? '';
}

export function headers(more = {}) {
  return token() ? { ...more, Authorization: `Bearer ${token()}` } : more;
}

export async function ask(path, { body, type = 'application/json', signal, more = {} } = {}) {
  let answer;
  try {
    answer = await fetch(path, { method: body === undefined ? 'GET' : 'POST', body, signal, headers: headers(body === undefined ? more : { ...more, 'Content-Type': type }) });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw Object.assign(new Error('The worker does not answer: it has ended, or the network is away.'), { title: 'No answer', status: 0 });
  }
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const told = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(told.detail ?? `The worker answered with ${answer.status}.`), { title: told.title, status: answer.status, reason: told.reason });
}
