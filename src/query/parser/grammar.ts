/**
 * The grammar of PromQL, without actions: tokens in, concrete syntax tree (CST) out; `build-ast.ts` reads it.
 *
 *   expression  = operand { operator modifiers operand }
 *   operand     = { sign } ( "(" expression ")" | aggregation | call | selector | number | string ) { suffix }
 *   suffix      = "[" range [ ":" [ step ] ] "]" | "offset" duration | "@" time | "anchored" | "smoothed"
 *
 * Operators of every precedence stand in one flat list, and so do signs and suffixes: only parentheses nest, so a
 * chain of ten thousand operands needs no stack. `precedence.ts` makes the tree.
 *
 * The names of the rules decide in `syntax-error.ts` how an error is worded.
 *
 * Source: Prometheus 3.14, promql/parser/generated_parser.y.
 */

import { CstParser } from "chevrotain";
import * as t from "./tokens.js";

export class PromqlGrammar extends CstParser {
  constructor() {
    super(t.vocabulary, { maxLookahead: 2, recoveryEnabled: false, nodeLocationTracking: "none" });
    this.performSelfAnalysis();
  }

  readonly expression = this.RULE("expression", () => {
    this.SUBRULE(this.operand);
    this.MANY(() => {
      this.CONSUME(t.BinaryOperator);
      this.SUBRULE(this.modifiers);
      this.SUBRULE2(this.operand);
    });
  });

  readonly operand = this.RULE("operand", () => {
    this.MANY(() => this.CONSUME(t.Sign));
    this.OR([
      { ALT: () => this.SUBRULE(this.aggregation) },
      { ALT: () => this.SUBRULE(this.call) },
      { ALT: () => this.SUBRULE(this.selector) },
      { ALT: () => this.CONSUME(t.Numeric) },
      { ALT: () => this.CONSUME(t.Text) },
      {
        ALT: () => {
          this.CONSUME(t.LeftParen);
          this.SUBRULE(this.expression);
          this.CONSUME(t.RightParen);
        },
      },
    ]);
    this.MANY2(() => this.SUBRULE(this.suffix));
  });

  readonly suffix = this.RULE("suffix", () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.range) },
      { ALT: () => this.SUBRULE(this.offset) },
      { ALT: () => this.SUBRULE(this.at) },
      { ALT: () => this.CONSUME(t.Anchored) },
      { ALT: () => this.CONSUME(t.Smoothed) },
    ]);
  });

  readonly range = this.RULE("range", () => {
    this.CONSUME(t.LeftBracket);
    this.SUBRULE(this.rangeDuration);
    this.OPTION(() => {
      this.CONSUME(t.Colon);
      this.OPTION2(() => this.SUBRULE(this.stepDuration));
    });
    this.CONSUME(t.RightBracket);
  });

  readonly rangeDuration = this.RULE("rangeDuration", () => this.SUBRULE(this.duration));
  readonly stepDuration = this.RULE("stepDuration", () => this.SUBRULE(this.duration));

  // After `offset` a sum needs parentheses: `a offset 1m + b` adds b to a.
  readonly offset = this.RULE("offset", () => {
    this.CONSUME(t.Offset);
    this.OPTION(() => this.CONSUME(t.Sign));
    this.SUBRULE(this.durationAtom);
  });

  readonly at = this.RULE("at", () => {
    this.CONSUME(t.At);
    this.OR([
      {
        ALT: () => {
          this.OPTION(() => this.CONSUME(t.Sign));
          this.CONSUME(t.Numeric);
        },
      },
      {
        ALT: () => {
          this.OR2([{ ALT: () => this.CONSUME(t.Start) }, { ALT: () => this.CONSUME(t.End) }]);
          this.CONSUME(t.LeftParen);
          this.CONSUME(t.RightParen);
        },
      },
    ]);
  });

  readonly duration = this.RULE("duration", () => {
    this.SUBRULE(this.durationOperand);
    this.MANY(() => {
      this.CONSUME(t.DurationOperator);
      this.SUBRULE2(this.durationOperand);
    });
  });

  readonly durationOperand = this.RULE("durationOperand", () => {
    this.MANY(() => this.CONSUME(t.Sign));
    this.SUBRULE(this.durationAtom);
  });

  readonly durationAtom = this.RULE("durationAtom", () => {
    this.OR([
      { ALT: () => this.CONSUME(t.Numeric) },
      {
        ALT: () => {
          this.OR2([{ ALT: () => this.CONSUME(t.Step) }, { ALT: () => this.CONSUME(t.Range) }]);
          this.CONSUME(t.LeftParen);
          this.CONSUME(t.RightParen);
        },
      },
      {
        ALT: () => {
          this.OR3([{ ALT: () => this.CONSUME(t.MinOf) }, { ALT: () => this.CONSUME(t.MaxOf) }]);
          this.CONSUME2(t.LeftParen);
          this.SUBRULE(this.duration);
          this.CONSUME(t.Comma);
          this.SUBRULE2(this.duration);
          this.CONSUME2(t.RightParen);
        },
      },
      {
        ALT: () => {
          this.CONSUME3(t.LeftParen);
          this.SUBRULE3(this.duration);
          this.CONSUME3(t.RightParen);
        },
      },
    ]);
  });

  readonly aggregation = this.RULE("aggregation", () => {
    this.CONSUME(t.AggregationOperator);
    this.OR([
      {
        ALT: () => {
          this.SUBRULE(this.grouping);
          this.SUBRULE(this.arguments);
        },
      },
      {
        ALT: () => {
          this.SUBRULE2(this.arguments);
          this.OPTION(() => this.SUBRULE2(this.grouping));
        },
      },
    ]);
  });

  readonly grouping = this.RULE("grouping", () => {
    this.OR([{ ALT: () => this.CONSUME(t.By) }, { ALT: () => this.CONSUME(t.Without) }]);
    this.SUBRULE(this.labels);
  });

  readonly labels = this.RULE("labels", () => {
    this.CONSUME(t.LeftParen);
    this.OPTION(() => {
      this.SUBRULE(this.label);
      this.MANY(() => {
        this.CONSUME(t.Comma);
        this.SUBRULE2(this.label);
      });
      this.OPTION2(() => this.CONSUME2(t.Comma));
    });
    this.CONSUME(t.RightParen);
  });

  readonly label = this.RULE("label", () => {
    this.OR([{ ALT: () => this.CONSUME(t.LabelWord) }, { ALT: () => this.CONSUME(t.Text) }]);
  });

  readonly call = this.RULE("call", () => {
    this.CONSUME(t.FunctionWord);
    this.SUBRULE(this.arguments);
  });

  // A comma before the parenthesis is let through here, so that the error can say what is wrong.
  readonly arguments = this.RULE("arguments", () => {
    this.CONSUME(t.LeftParen);
    this.OPTION(() => {
      this.SUBRULE(this.expression);
      this.MANY(() => {
        this.CONSUME(t.Comma);
        this.SUBRULE2(this.expression);
      });
      this.OPTION2(() => this.CONSUME2(t.Comma));
    });
    this.CONSUME(t.RightParen);
  });

  readonly selector = this.RULE("selector", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.MetricWord);
          this.OPTION(() => this.SUBRULE(this.matchers));
        },
      },
      { ALT: () => this.SUBRULE2(this.matchers) },
    ]);
  });

  readonly matchers = this.RULE("matchers", () => {
    this.CONSUME(t.LeftBrace);
    this.OPTION(() => {
      this.SUBRULE(this.matcher);
      this.MANY(() => {
        this.CONSUME(t.Comma);
        this.SUBRULE2(this.matcher);
      });
      this.OPTION2(() => this.CONSUME2(t.Comma));
    });
    this.CONSUME(t.RightBrace);
  });

  readonly matcher = this.RULE("matcher", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Identifier);
          this.CONSUME(t.MatchOperator);
          this.CONSUME(t.Text);
        },
      },
      {
        ALT: () => {
          this.CONSUME2(t.Text);
          this.OPTION(() => {
            this.CONSUME2(t.MatchOperator);
            this.CONSUME3(t.Text);
          });
        },
      },
    ]);
  });

  readonly modifiers = this.RULE("modifiers", () => {
    this.OPTION(() => this.CONSUME(t.Bool));
    this.OPTION2(() => {
      this.OR([{ ALT: () => this.CONSUME(t.On) }, { ALT: () => this.CONSUME(t.Ignoring) }]);
      this.SUBRULE(this.labels);
      this.OPTION3(() => this.SUBRULE(this.grouped));
    });
    this.OPTION4(() => this.SUBRULE(this.fill));
  });

  readonly grouped = this.RULE("grouped", () => {
    this.OR([{ ALT: () => this.CONSUME(t.GroupLeft) }, { ALT: () => this.CONSUME(t.GroupRight) }]);
    this.OPTION(() => this.SUBRULE(this.labels));
  });

  readonly fill = this.RULE("fill", () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Fill);
          this.SUBRULE(this.fillValue);
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.FillLeft);
          this.SUBRULE2(this.fillValue);
          this.OPTION(() => {
            this.CONSUME(t.FillRight);
            this.SUBRULE3(this.fillValue);
          });
        },
      },
      {
        ALT: () => {
          this.CONSUME2(t.FillRight);
          this.SUBRULE4(this.fillValue);
          this.OPTION2(() => {
            this.CONSUME2(t.FillLeft);
            this.SUBRULE5(this.fillValue);
          });
        },
      },
    ]);
  });

  readonly fillValue = this.RULE("fillValue", () => {
    this.CONSUME(t.LeftParen);
    this.OPTION(() => this.CONSUME(t.Sign));
    this.CONSUME(t.Numeric);
    this.CONSUME(t.RightParen);
  });
}
