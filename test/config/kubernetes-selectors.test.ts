import { describe, expect, it } from "vitest";
import { fieldSelectorProblem, labelSelectorProblem } from "../../src/config/kubernetes-selectors.js";

describe("label selectors", () => {
  it.each([
    ...["", " ", "a", "!a", "! a", "a=b", "a==b", "a!=b", "a = b", "a=", "a==", "a!=", "a,b", " a "],
    ...["a in (b,c)", "a in ()", "a in (,b)", "a notin(b)", "in in (in)", "a=in", "notin", "a=notin"],
    ...["a>1", "a<20", "a.b/c-d_e", "a/b=c", "app=web,tier in (front, back),!canary,replicas>2"],
  ])("may be %j", (text) => expect(labelSelectorProblem(text)).toBe(undefined));

  it.each([
    ["=b", "a label is missing"],
    [",a", "a label is missing"],
    ["a,", "a label is missing"],
    ["a=b,,c", "a label is missing"],
    ["()", "a label is missing"],
    ["a b", 'after "a" must come one of = == != in notin > <'],
    ["a!in(b)", 'after "a" must come one of = == != in notin > <'],
    ["!a=b", '"=" is one too many'],
    ["a=b c", '"c" is one too many'],
    ["a===b", '"=" is one too many'],
    ["a=!b", '"!" is one too many'],
    ["a=(b)", '"(" is one too many'],
    ["a in b", "values must be in parentheses"],
    ["a in (b", "a closing parenthesis is missing"],
    ["a>", '"" is no whole number'],
    ["a<x", '"x" is no whole number'],
    ["a>1.5", '"1.5" is no whole number'],
    ["a>-1", '"-1" is no whole number'],
    ["a>9223372036854775808", '"9223372036854775808" is no whole number'],
    ["-a", '"-a" is no name of a label'],
    ["a/b/c=d", '"a/b/c" is no name of a label'],
    ["A/b", '"A/b" is no name of a label'],
    ["/b", '"/b" is no name of a label'],
    ["a/", '"a/" is no name of a label'],
    ["aü", '"aü" is no name of a label'],
    [`${"a".repeat(64)}`, `"${"a".repeat(64)}" is no name of a label`],
    ["a=-b", '"-b" is no value of a label'],
    [`a=${"b".repeat(64)}`, `"${"b".repeat(64)}" is no value of a label`],
    ["a in (b,-)", '"-" is no value of a label'],
  ])("may not be %j", (text, problem) => expect(labelSelectorProblem(text)).toBe(problem));
});

describe("field selectors", () => {
  it.each([
    ...["", ",", "a=b", "a==b", "a!=b", "a=b,c=d", "a=b,", "=b", "!=a", "a=", " a=b ", "a=b,,c=d"],
    ...["a\\=b", "a=b\\,c", "a=b\\=c", "a=b\\\\", "status.phase!=Failed,spec.nodeName=a"],
  ])("may be %j", (text) => expect(fieldSelectorProblem(text)).toBe(undefined));

  it.each([
    ["a", '"a" must be FIELD=VALUE or FIELD!=VALUE'],
    ["!a", '"!a" must be FIELD=VALUE or FIELD!=VALUE'],
    ["a>b", '"a>b" must be FIELD=VALUE or FIELD!=VALUE'],
    ["a in (b)", '"a in (b)" must be FIELD=VALUE or FIELD!=VALUE'],
    ["a=b=c", '"=" in a value must be escaped by a backslash, as only \\ , = are'],
    ["a===b", '"=" in a value must be escaped by a backslash, as only \\ , = are'],
    ["a!==b", '"=" in a value must be escaped by a backslash, as only \\ , = are'],
    ["a=b\\x", '"\\x" in a value must be escaped by a backslash, as only \\ , = are'],
    ["a=b\\", '"\\" in a value must be escaped by a backslash, as only \\ , = are'],
  ])("may not be %j", (text, problem) => expect(fieldSelectorProblem(text)).toBe(problem));
});
