/**
 * RelabelConfig: one rule of `relabel_configs` or `metric_relabel_configs`, validated, compiled, immutable.
 *
 * Source: Prometheus `model/relabel/relabel.go`: defaults, validation and its messages.
 */

import { InvalidArgumentError } from "../model/errors.js";
import { quoteText } from "../model/labels.js";
import { type CompiledAction, compileAction } from "./compile-action.js";
import type { LabelBuilder } from "./label-builder.js";
import { isValidLabelName, isValidNameTemplate, type NameValidation } from "./name-validation.js";

export const relabelActions = [
  "replace",
  "lowercase",
  "uppercase",
  "keep",
  "drop",
  "keepequal",
  "dropequal",
  "hashmod",
  "labelmap",
  "labeldrop",
  "labelkeep",
] as const;

export type RelabelAction = (typeof relabelActions)[number];

/** What a rule says; what it leaves out has Prometheus' default. */
export interface RelabelFields {
  /** Whose values are joined to what the rule looks at. Default: none, which is the empty string. */
  readonly sourceLabels?: readonly string[];
  /** Stands between the joined values. Default `;`. */
  readonly separator?: string;
  /** RE2, matches the whole value. Default `(.*)`. */
  readonly regex?: string;
  /** Of `hashmod`. */
  readonly modulus?: number;
  /** The label that is written; `replace` fills groups in. */
  readonly targetLabel?: string;
  /** Groups of the regular expression are filled in. Default `$1`. */
  readonly replacement?: string;
  /** Default `replace`. */
  readonly action?: RelabelAction;
  /** What names rules may make. Default `utf8`. */
  readonly nameValidation?: NameValidation;
}

/** What of a rule can be to blame. */
export type RelabelField = Exclude<keyof RelabelFields, "nameValidation">;

/** A rule is not acceptable. */
export class RelabelConfigError extends InvalidArgumentError {
  readonly field: RelabelField;
  constructor(field: RelabelField, message: string, options?: ErrorOptions) {
    super(message, options);
    this.field = field;
  }
}

export class RelabelConfig implements RelabelFields {
  readonly sourceLabels: readonly string[];
  readonly separator: string;
  readonly regex: string;
  readonly modulus: number;
  readonly targetLabel: string;
  readonly replacement: string;
  readonly action: RelabelAction;
  readonly nameValidation: NameValidation;
  readonly #apply: CompiledAction;

  /** Throws RelabelConfigError. */
  constructor(fields: RelabelFields) {
    this.sourceLabels = fields.sourceLabels ?? [];
    this.separator = fields.separator ?? ";";
    this.regex = fields.regex ?? "(.*)";
    this.modulus = fields.modulus ?? 0;
    this.targetLabel = fields.targetLabel ?? "";
    this.replacement = fields.replacement ?? "$1";
    this.action = parseRelabelAction(fields.action ?? "replace");
    this.nameValidation = fields.nameValidation ?? "utf8";
    validateNames(this);
    refuseForeignFields(this, fields);
    try {
      this.#apply = compileAction(this);
    } catch (cause) {
      if (cause instanceof InvalidArgumentError)
        throw new RelabelConfigError("regex", cause.message, { cause });
      throw cause;
    }
  }

  /** Changes the labels; false when they are to be dropped. */
  apply(labels: LabelBuilder): boolean {
    return this.#apply(labels);
  }

  /** In the words of Prometheus' HTTP API; what is empty is left out, save the regular expression. */
  toJSON(): Record<string, unknown> {
    const { sourceLabels, separator, regex, modulus, targetLabel, replacement, action } = this;
    return {
      ...(sourceLabels.length > 0 && { sourceLabels }),
      ...(separator !== "" && { separator }),
      regex,
      ...(modulus !== 0 && { modulus }),
      ...(targetLabel !== "" && { targetLabel }),
      ...(replacement !== "" && { replacement }),
      action,
    };
  }
}

/** In any case of letters. Throws RelabelConfigError. */
export function parseRelabelAction(text: string): RelabelAction {
  if (text === "") throw new RelabelConfigError("action", "relabel action cannot be empty");
  const action = relabelActions.find((name) => name === text.toLowerCase());
  if (action !== undefined) return action;
  throw new RelabelConfigError(
    "action",
    `unknown relabel action ${quoteText(text)}; there are ${relabelActions.join(", ")}`,
  );
}

const writesTarget: ReadonlySet<RelabelAction> = new Set([
  ...(["replace", "hashmod", "lowercase", "uppercase"] as const),
  ...(["keepequal", "dropequal"] as const),
]);

function validateNames(config: RelabelConfig): void {
  const { action, modulus, targetLabel, replacement, nameValidation } = config;
  for (const name of config.sourceLabels) {
    if (isValidLabelName(name, "utf8")) continue;
    throw new RelabelConfigError("sourceLabels", `${quoteText(name)} is not a valid label name`);
  }
  if (action === "hashmod" && !(Number.isSafeInteger(modulus) && modulus > 0)) {
    throw new RelabelConfigError(
      "modulus",
      "relabel configuration for hashmod requires non-zero modulus, a whole number below 2^53",
    );
  }
  if (writesTarget.has(action) && targetLabel === "") {
    throw new RelabelConfigError(
      "targetLabel",
      `relabel configuration for ${action} action requires 'target_label' value`,
    );
  }
  const isTemplate = action === "replace" && targetLabel.includes("$");
  const isValid = isTemplate ? isValidNameTemplate : isValidLabelName;
  if (writesTarget.has(action) && !isValid(targetLabel, nameValidation)) {
    throw new RelabelConfigError(
      "targetLabel",
      `${quoteText(targetLabel)} is invalid 'target_label' for ${action} action`,
    );
  }
  if (action === "labelmap" && !isValidNameTemplate(replacement, nameValidation)) {
    throw new RelabelConfigError(
      "replacement",
      `${quoteText(replacement)} is invalid 'replacement' for ${action} action`,
    );
  }
}

/** Some actions take few fields: another one is a misunderstanding that would pass unnoticed. */
function refuseForeignFields(config: RelabelConfig, given: RelabelFields): void {
  const isDefault: Readonly<Record<ForeignField, boolean>> = {
    sourceLabels: given.sourceLabels === undefined,
    targetLabel: config.targetLabel === "",
    regex: given.regex === undefined,
    modulus: config.modulus === 0,
    separator: config.separator === ";",
    replacement: config.replacement === "$1",
  };
  for (const { actions, fields, message } of foreignFields) {
    const foreign = actions.includes(config.action) ? fields.find((field) => !isDefault[field]) : undefined;
    if (foreign !== undefined) throw new RelabelConfigError(foreign, message(config.action));
  }
}

type ForeignField = Exclude<RelabelField, "action">;

const foreignFields: readonly {
  readonly actions: readonly RelabelAction[];
  readonly fields: readonly ForeignField[];
  readonly message: (action: RelabelAction) => string;
}[] = [
  {
    actions: ["lowercase", "uppercase", "keepequal", "dropequal"],
    fields: ["replacement"],
    message: (action) => `'replacement' can not be set for ${action} action`,
  },
  {
    actions: ["keepequal", "dropequal"],
    fields: ["regex", "modulus", "separator"],
    message: (action) =>
      `${action} action requires only 'source_labels' and \`target_label\`, and no other fields`,
  },
  {
    actions: ["labeldrop", "labelkeep"],
    fields: ["sourceLabels", "targetLabel", "modulus", "separator", "replacement"],
    message: (action) => `${action} action requires only 'regex', and no other fields`,
  },
];
