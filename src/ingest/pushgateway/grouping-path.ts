/**
 * Grouping keys in paths: `/metrics/job/JOB/LABEL/VALUE...`, each component percent-encoded, `@base64` behind a name
 * saying that its value is base64 for URLs.
 *
 *   /metrics/job/backup/path@base64/L2V0Yw           job="backup", path="/etc"
 *   /metrics/job/backup/path/%2Fetc                  the same: the path is split before it is decoded
 *   /metrics/job/backup/instance@base64/=            instance=""
 *
 * Source: Pushgateway README, "URL"; U__ escaping as in Prometheus' common/model.
 */

import { InvalidArgumentError } from "../../model/errors.js";
import { quoteText } from "../../model/labels.js";

/** By name, `job` among them; a value may be empty. */
export type GroupingKey = ReadonlyMap<string, string>;

const BASE64 = "@base64";
const prefix = "/metrics/";

/**
 * Throws InvalidArgumentError. `path` is as it came, without the query. Names are unescaped by `unescapeName`.
 */
export function parseGroupingPath(path: string, unescapeName: (text: string) => string): GroupingKey {
  const [jobName = "", job = "", ...rest] = path.slice(prefix.length).split("/");
  const isJob = decodeComponent(jobName).replace(/@base64$/, "") === "job";
  if (!path.startsWith(prefix) || !isJob)
    throw new InvalidArgumentError("a group is at /metrics/job/JOB, with more labels behind it");
  const key = new Map<string, string>();
  if (rest.length === 1 && rest[0] === "") rest.pop();
  if (rest.length % 2 !== 0)
    throw new InvalidArgumentError(`odd number of components in label string ${quoteText(rest.join("/"))}`);
  for (let i = 0; i < rest.length; i += 2) {
    const [name, value] = decodePair(rest[i]!, rest[i + 1]!);
    key.set(checkedName(unescapeName(name)), value);
  }
  const [, jobValue] = decodePair(jobName, job);
  if (jobValue === "") throw new InvalidArgumentError("job name is required");
  return key.set("job", jobValue);
}

function decodePair(nameText: string, valueText: string): readonly [string, string] {
  const name = decodeComponent(nameText);
  const value = decodeComponent(valueText);
  if (!name.endsWith(BASE64)) return [name, value];
  const plainName = name.slice(0, -BASE64.length);
  return [plainName, decodeBase64(plainName, value)];
}

function checkedName(name: string): string {
  if (name === "" || name.startsWith("__"))
    throw new InvalidArgumentError(`improper label name ${quoteText(name)}`);
  return name;
}

function decodeComponent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new InvalidArgumentError(`the path has a bad percent-encoding: ${quoteText(text)}`, { cause });
  }
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Padding is optional, so that `=` stands for the empty value. */
function decodeBase64(name: string, value: string): string {
  const digits = value.replace(/=+$/, "");
  const problem = `invalid base64 encoding for label ${name}=${quoteText(value)}`;
  if (!/^[A-Za-z0-9_-]*$/.test(digits) || digits.length % 4 === 1) throw new InvalidArgumentError(problem);
  try {
    return strictUtf8.decode(Buffer.from(digits, "base64url"));
  } catch (cause) {
    throw new InvalidArgumentError(`${problem}: it is not UTF-8`, { cause });
  }
}
