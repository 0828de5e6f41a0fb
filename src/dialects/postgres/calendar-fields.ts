import { civilOf, daysOf } from "./calendar.ts";

/** 0 is Sunday. */
export function weekday(days: number): number {
  return (((days + 4) % 7) + 7) % 7;
}

/** 1 is the first of January. */
export function dayOfYear(days: number): number {
  return days - daysOf(civilOf(days).year, 1, 1) + 1;
}

/** The Monday of the week that has the fourth of January. */
export function isoWeekStart(year: number): number {
  const fourth = daysOf(year, 1, 4);
  return fourth - ((weekday(fourth) + 6) % 7);
}

export function isoWeek(days: number): { readonly year: number; readonly week: number } {
  const { year } = civilOf(days);
  const isoYear = days < isoWeekStart(year) ? year - 1 : days >= isoWeekStart(year + 1) ? year + 1 : year;
  return { year: isoYear, week: Math.floor((days - isoWeekStart(isoYear)) / 7) + 1 };
}
