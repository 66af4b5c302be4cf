const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const IMF_FIXDATE =
  /^(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat), ([0-9]{2}) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT$/;

/**
 * Writes a time as IMF-fixdate (RFC 9110 §5.6.7).
 *
 * @param seconds - whole seconds since 1970-01-01T00:00:00Z, in the years 0000–9999
 * @throws RangeError outside those years
 * @example formatImfDate(1577880030) // 'Wed, 01 Jan 2020 12:00:30 GMT'
 */
export function formatImfDate(seconds: number): string {
  const date = new Date(seconds * 1000);
  const year = date.getUTCFullYear();
  if (!Number.isInteger(seconds) || !(year >= 0 && year <= 9999)) {
    throw new RangeError(
      `seconds: ${seconds} is not a whole number of seconds in the years 0000–9999`,
    );
  }
  return date.toUTCString();
}

/**
 * Reads an IMF-fixdate strictly: a real calendar date with its right weekday, seconds 00–59. `Date.parse` takes far more.
 *
 * @param text - 29 characters such as `Wed, 01 Jan 2020 12:00:30 GMT`
 * @returns whole seconds since 1970-01-01T00:00:00Z, or `undefined`
 */
export function parseImfDate(text: string): number | undefined {
  const match = IMF_FIXDATE.exec(text);
  if (match === null) return undefined;
  const [, day, month, year, hour, minute, second] = match as unknown as string[];
  const date = new Date(0);
  date.setUTCFullYear(Number(year), MONTHS.indexOf(month as string), Number(day));
  date.setUTCHours(Number(hour), Number(minute), Number(second));
  // Writing it again shows every overflow (30 Feb, 24:00:00, second 60) and a wrong weekday.
  return imfOf(date) === text ? date.getTime() / 1000 : undefined;
}

function imfOf(date: Date): string {
  const pad = (value: number, width = 2) => String(value).padStart(width, '0');
  return `${DAYS[date.getUTCDay()]}, ${pad(date.getUTCDate())} ${MONTHS[date.getUTCMonth()]} ${pad(date.getUTCFullYear(), 4)} ${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}:${pad(date.getUTCSeconds())} GMT`;
}
