/**
 * Durations as Prometheus writes them: `5m`, `1h30m`, `1d`, `250ms`, units from large to small, each once.
 *
 * Source: Prometheus `model.ParseDuration`: y = 365 days, w = 7 days, d = 24 hours.
 */

const units: readonly (readonly [unit: string, ms: number])[] = [
  ["y", 365 * 86_400_000],
  ["w", 7 * 86_400_000],
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
];

const pattern = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;

/** Milliseconds, or undefined when `text` is no duration. `0` alone is one. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  const parts = text === "" ? null : pattern.exec(text);
  if (parts === null) return undefined;
  const ms = units.reduce((sum, [, unitMs], i) => sum + Number(parts[i + 1] ?? 0) * unitMs, 0);
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** The canonical text: 5400000 gives `1h30m`. Years and weeks only where nothing remains below them. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 0) return "0s";
  let rest = Math.abs(durationMs);
  let text = durationMs < 0 ? "-" : "";
  for (const [unit, unitMs] of units) {
    const exactOnly = unit === "y" || unit === "w";
    if (rest < unitMs || (exactOnly && rest % unitMs !== 0)) continue;
    text += `${Math.floor(rest / unitMs)}${unit}`;
    rest %= unitMs;
  }
  return text;
}
