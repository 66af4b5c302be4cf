const RFC3339 =
  /^([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))$/;

/**
 * Reads a time strictly (RFC 3339 §5.6; no leap seconds).
 *
 * @returns milliseconds since 1970, or `undefined`
 * @example parseRfc3339('2026-11-01T00:00:00Z')
 */
export function parseRfc3339(text: string): number | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [, day, time, fraction = '', sign = '+', hours = '00', minutes = '00'] = match;
  const local = Date.parse(`${day}T${time}Z`);
  // Date.parse rolls 30 February over; what it made of it must read the same.
  if (Number.isNaN(local) || new Date(local).toISOString() !== `${day}T${time}.000Z`)
    return undefined;
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined;
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return local + Math.floor(Number(`0${fraction}`) * 1000) - (sign === '+' ? offset : -offset);
}
