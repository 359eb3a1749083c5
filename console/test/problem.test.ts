import { expect, test } from "vitest";
import { kUnreachable, Problem } from "../src/api/client";
import { language } from "../src/i18n";
import { titleOf } from "../src/lib/problem";

test("the kind of a problem is said in the present language", () => {
  const problem = new Problem(404, "There is no such thing", "person p_1: does not exist", undefined, "not_found");
  language.value = "zh";
  expect(titleOf(problem)).toBe("没有找到");
  expect(titleOf(new Problem(kUnreachable, "unreachable", ""))).toBe("无法连接服务器");
  expect(titleOf(new Problem(418, "A teapot", "", undefined, "teapot"))).toBe("A teapot");
  expect(titleOf(new Problem(502, "Bad Gateway", ""))).toBe("Bad Gateway");
  language.value = "en";
  expect(titleOf(problem)).toBe("There is no such thing");
});
