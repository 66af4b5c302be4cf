const DAYS = ['Thu', 'Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed']; // 1 January 1970 was a Thursday
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const IMF_FIXDATE =
  /^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$/;
const BASIC_DATE = /^[0-9]{8}T[0-9]{6}Z$/;

/**
 * Writes a time as IMF-fixdate (RFC 9110 §5.6.7).
 *
 * @param seconds - whole seconds since 1970-01-01T00:00:00Z, in the years 0000–9999
 * @throws RangeError outside those years
 * @example formatImfDate(1577880030) // 'Wed, 01 Jan 2020 12:00:30 GMT'
 */
export function formatImfDate(seconds: number): string {
  return dateOf(seconds).toUTCString();
}

/**
 * Reads an IMF-fixdate strictly: a real calendar date with its right weekday, seconds 00–59. `Date.parse` takes far more.
 *
 * @param text - 29 characters such as `Wed, 01 Jan 2020 12:00:30 GMT`
 * @returns whole seconds since 1970-01-01T00:00:00Z, or `undefined`
 */
export function parseImfDate(text: string): number | undefined {
  if (text === lastText) return lastSeconds;
  const seconds = readImfDate(text);
  if (seconds !== undefined) {
    lastText = text;
    lastSeconds = seconds;
  }
  return seconds;
}

// Callers that sign in the same second write the same text.
let lastText = '';
let lastSeconds: number | undefined;

function readImfDate(text: string): number | undefined {
  if (text.length !== 29 || !IMF_FIXDATE.test(text)) return undefined;
  const year = twoDigits(text, 12) * 100 + twoDigits(text, 14);
  const month = MONTHS.indexOf(text.slice(8, 11));
  const midnight = secondsOfDay(year, month, twoDigits(text, 5));
  if (midnight === undefined) return undefined;
  const day = midnight / 86_400;
  if (text.slice(0, 3) !== DAYS[((day % 7) + 7) % 7]) return undefined;
  const time = secondsOfTime(twoDigits(text, 17), twoDigits(text, 20), twoDigits(text, 23));
  return time === undefined ? undefined : midnight + time;
}

/**
 * Reads the date of a presigned URL: the basic format of ISO 8601, in UTC, of a real calendar date.
 *
 * @param text - 16 characters such as `20200101T120030Z`
 * @returns whole seconds since 1970-01-01T00:00:00Z, or `undefined`
 */
export function parseBasicDate(text: string): number | undefined {
  if (text.length !== 16 || !BASIC_DATE.test(text)) return undefined;
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const midnight = secondsOfDay(year, twoDigits(text, 4) - 1, twoDigits(text, 6));
  const time = secondsOfTime(twoDigits(text, 9), twoDigits(text, 11), twoDigits(text, 13));
  return midnight === undefined || time === undefined ? undefined : midnight + time;
}

/**
 * Writes the date of a presigned URL.
 *
 * @param seconds - whole seconds since 1970-01-01T00:00:00Z, in the years 0000–9999
 * @throws RangeError outside those years
 * @example formatBasicDate(1577880030) // '20200101T120030Z'
 */
export function formatBasicDate(seconds: number): string {
  return `${dateOf(seconds).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
}

function dateOf(seconds: number): Date {
  const date = new Date(seconds * 1000);
  const year = date.getUTCFullYear();
  if (!Number.isInteger(seconds) || !(year >= 0 && year <= 9999)) {
    throw new RangeError(
      `seconds: ${seconds} is not a whole number of seconds in the years 0000–9999`,
    );
  }
  return date;
}

/** Midnight of a day of a month (0–11), or `undefined` if there is no such day. */
function secondsOfDay(year: number, month: number, day: number): number | undefined {
  if (month < 0 || month > 11 || day < 1 || day > daysIn(month, year)) return undefined;
  return daysSinceEpoch(year, month, day) * 86_400;
}

function secondsOfTime(hour: number, minute: number, second: number): number | undefined {
  return hour > 23 || minute > 59 || second > 59 ? undefined : (hour * 60 + minute) * 60 + second;
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
