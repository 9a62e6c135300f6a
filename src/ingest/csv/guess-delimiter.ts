/**
 * The delimiter of a CSV file, guessed from its first lines.
 */

const delimiters = ["\t", ";", "|", ","];

/** The delimiter that occurs equally often in the most of the lines; a comma when none does. */
export function guessDelimiter(text: string): string {
  const lines = firstLines(text, 50);
  let best = ",";
  let bestScore = 0;
  for (const delimiter of delimiters) {
    const counts = lines.map((line) => countOutsideQuotes(line, delimiter));
    const expected = counts[0] ?? 0;
    if (expected === 0) continue;
    const score = counts.filter((count) => count === expected).length / counts.length;
    if (score > bestScore) {
      best = delimiter;
      bestScore = score;
    }
  }
  return best;
}

/** Complete lines that hold something; the last one only when it is alone. */
function firstLines(text: string, max: number): string[] {
  const lines = text.split(/\r?\n|\r/);
  if (lines.length > 1) lines.pop();
  return lines.filter((line) => line.trim() !== "").slice(0, max);
}

function countOutsideQuotes(line: string, delimiter: string): number {
  let count = 0;
  let isQuoted = false;
  for (const character of line) {
    if (character === '"') isQuoted = !isQuoted;
    else if (character === delimiter && !isQuoted) count++;
  }
  return count;
}
