/** @throws TypeError that says where the fault is, and repeats nothing of the text */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The engine's message quotes the text around the fault, which may be a secret.
    const position = / at position [0-9]+(?: \(line [0-9]+ column [0-9]+\))?/.exec(String(error));
    throw new TypeError(`not valid JSON${position?.[0] ?? ''}`);
  }
}
