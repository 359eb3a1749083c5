import { kUnreachable, type Problem } from "../api/client";
import { t, word } from "../i18n";

/** What kind of problem it is, in the present language; the server says it in English only. */
export function titleOf(problem: Problem): string {
  if (problem.status === kUnreachable) return t("error.unreachable");
  const known = word("problem", problem.code);
  return known === problem.code || !problem.code ? problem.title : known;
}
