/**
 * ToldWarnings: warnings of a configuration that is read again and again: each is told when it is new, and once more
 * when it is back. Where in the file it stands does not count, as lines and entries move when others come.
 */

export class ToldWarnings {
  readonly #tell: (warning: string) => void;
  /** How often each was there the last time. */
  #before: ReadonlyMap<string, number> = new Map();

  constructor(tell: (warning: string) => void) {
    this.#tell = tell;
  }

  /** All that the configuration warns of now. */
  review(warnings: readonly string[]): void {
    const counts = new Map<string, number>();
    for (const warning of warnings) {
      const subject = warning.replace(/:\d+: /, ": ").replace(/\[\d+\]/g, "[]");
      const count = (counts.get(subject) ?? 0) + 1;
      counts.set(subject, count);
      if (count > (this.#before.get(subject) ?? 0)) this.#tell(warning);
    }
    this.#before = counts;
  }
}
