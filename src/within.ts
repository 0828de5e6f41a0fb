/** The promise's value, or `null` if that takes longer than so many milliseconds; an error that comes later concerns nobody. */
export async function within<Result>(promise: Promise<Result>, timeoutMs: number): Promise<Result | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(late.resolve, Math.max(0, timeoutMs), null);
  promise.catch(() => {});
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
