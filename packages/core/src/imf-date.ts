const DAYS = ['Thu', 'Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed']; // 1 January 1970 was a Thursday
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const IMF_FIXDATE =
  /^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$/;

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
  if (text.length !== 29 || !IMF_FIXDATE.test(text)) return undefined;
  const day = twoDigits(text, 5);
  const month = MONTHS.indexOf(text.slice(8, 11));
  const year = twoDigits(text, 12) * 100 + twoDigits(text, 14);
  const hour = twoDigits(text, 17);
  const minute = twoDigits(text, 20);
  const second = twoDigits(text, 23);
  if (month === -1 || day < 1 || day > daysIn(month, year)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const days = daysSinceEpoch(year, month, day);
  if (text.slice(0, 3) !== DAYS[((days % 7) + 7) % 7]) return undefined;
  return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

function twoDigits(text: string, at: number): number {
  return (text.charCodeAt(at) - 0x30) * 10 + text.charCodeAt(at + 1) - 0x30;
}

function daysIn(month: number, year: number): number {
  if (month !== 1) return month === 3 || month === 5 || month === 8 || month === 10 ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

/** Days of the proleptic Gregorian calendar since 1 January 1970, in a year that is counted from March. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const marchYear = month < 2 ? year - 1 : year;
  const marchMonth = (month + 10) % 12;
  const leapDays =
    Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + Math.floor((153 * marchMonth + 2) / 5) + day - 1 - 719_468;
}
