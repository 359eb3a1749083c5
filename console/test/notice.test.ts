import { expect, test } from "vitest";
import { shortened, shownFields } from "../src/lib/notice";

test("people in a notice are shortened, wherever they stand, and what is known is left out", () => {
  const shown = Object.fromEntries(shownFields({
    ToUserName: "gh_shop", CreateTime: 1772330400, MsgType: "event", Event: "change_external_chat", ChangeType: "update",
    UserID: "zhangmin", MemChangeList: { Item: ["lisilisi"] }, Guide: { openid: "oABCDEFGHIJ" }, openids: ["oABCDEFGHIJ"], Note: "", Long: "x".repeat(500),
  }));
  expect(shown).toEqual({
    ChangeType: "update", UserID: "zh…in", "MemChangeList.Item.0": "li…si", "Guide.openid": "oA…IJ",
    "openids.0": "oA…IJ", Long: `${"x".repeat(200)}…`,
  });
});

test("short names are not shown at all", () => {
  expect(shortened("abcd")).toBe("…");
  expect(shortened("abcde")).toBe("ab…de");
  expect(shownFields(null)).toEqual([]);
});
