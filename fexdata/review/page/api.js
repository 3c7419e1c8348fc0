// The server's routes. Three things can happen to a request: an answer, a refusal (it will never be
// answered otherwise), or nothing (try again later); only the last two are exceptions.

/** The server cannot be reached, or is in trouble: the same request may work later. */
export class Unreachable extends Error {}

/** The server says no, in a sentence for a person. */
export class Refusal extends Error {
  constructor(status, code, sentence) {
    super(sentence);
    this.status = status;
    this.code = code;
  }
}

const PATIENCE = 15_000; // milliseconds

async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { signal: AbortSignal.timeout(PATIENCE), credentials: "same-origin", ...options });
  } catch (error) {
    throw new Unreachable(String(error));
  }
  if (response.status >= 500) throw new Unreachable(`the server answered ${response.status}`);
  if (!response.ok) {
    const said = await response.json().catch(() => ({}));
    throw new Refusal(response.status, said.code ?? "unknown", said.error ?? `the server answered ${response.status}`);
  }
  return response;
}

const answered = async (response) => {
  try {
    return await response.json();
  } catch (error) {
    throw new Unreachable(String(error)); // the connection broke in the middle of the answer
  }
};

export const get = async (path) => answered(await request(path));

export const post = async (path, body) =>
  answered(
    await request(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  );

export const bytes = async (path) => {
  const response = await request(path);
  try {
    return await response.arrayBuffer();
  } catch (error) {
    throw new Unreachable(String(error));
  }
};
