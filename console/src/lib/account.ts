import type { Account, AccountInput, AccountPolicy, Reply, ReplyRules } from "../api/types";

export interface AccountForm {
  id: string;
  name: string;
  kind: Account["kind"];
  verified: boolean;
  app_id: string;
  original_id: string;
  app_secret: string;
  token: string;
  encoding_aes_key: string;
  mode: Account["mode"];
}

export function emptyAccount(): AccountForm {
  return { id: "", name: "", kind: "service", verified: true, app_id: "", original_id: "", app_secret: "", token: "", encoding_aes_key: "", mode: "secure" };
}

/** The body that connects or changes an account. Empty secrets are left out, so that stored ones stay; what this form does
 * not show (reply rules, limits of the platform) is sent back as it came. */
export function accountInput(form: AccountForm, known: Account | null): AccountInput {
  const { app_secret, token, encoding_aes_key, ...plain } = form;
  const kept: Partial<AccountInput> = {};
  for (const name of ["suite_id", "token_kind", "zone", "base_url", "reply_rules", "policy"] as const) {
    if (known?.[name] !== undefined) Object.assign(kept, { [name]: known[name] });
  }
  const secrets = Object.fromEntries(
    Object.entries({ app_secret, token, encoding_aes_key }).filter(([, value]) => value.trim() !== ""),
  );
  return { ...kept, ...plain, id: form.id.trim(), app_id: form.app_id.trim(), original_id: form.original_id.trim(), ...secrets };
}

export interface RulesForm {
  welcome: string;
  /** The type of a welcome that is no text, and so is kept as it is. */
  welcome_kept: string;
  keywords: { words: string; match: "exact" | "contains"; text: string; kept: Reply | null }[];
  opt_out_words: string;
  opt_in_words: string;
  opt_out_text: string;
  opt_in_text: string;
  quiet_from: string;
  quiet_until: string;
  touches_per_day: number;
  touches_per_month: number;
}

/** Words as people type them in one line: separated by commas or blanks of any width. */
export const inWords = (line: string): string[] => [...new Set(line.split(/[,，、;；\s]+/u).filter(Boolean))];

const isText = (reply: Reply | undefined): boolean => !reply || reply.type === "none" || reply.type === "text";

export function rulesForm(rules: ReplyRules, policy: AccountPolicy): RulesForm {
  return {
    welcome: rules.welcome?.text ?? "",
    welcome_kept: isText(rules.welcome) ? "" : (rules.welcome?.type ?? ""),
    keywords: (rules.keywords ?? []).map((rule) => ({
      words: rule.words.join("，"), match: rule.match ?? "exact", text: rule.reply.text ?? "", kept: isText(rule.reply) ? null : rule.reply,
    })),
    opt_out_words: (rules.opt_out_words ?? []).join("，"),
    opt_in_words: (rules.opt_in_words ?? []).join("，"),
    opt_out_text: rules.opt_out_text ?? "",
    opt_in_text: rules.opt_in_text ?? "",
    quiet_from: policy.quiet_from ?? "22:00",
    quiet_until: policy.quiet_until ?? "08:00",
    touches_per_day: policy.touches_per_day ?? 1,
    touches_per_month: policy.touches_per_month ?? 4,
  };
}

/** Rules and limits of the form over those stored; rules without words are left out. */
export function rulesOf(form: RulesForm, known: Account): { reply_rules: ReplyRules; policy: AccountPolicy } {
  const text = (words: string): Reply => (words.trim() ? { type: "text", text: words.trim() } : { type: "none" });
  const { quiet_from, quiet_until, touches_per_day, touches_per_month } = form;
  return {
    reply_rules: {
      ...known.reply_rules,
      welcome: form.welcome_kept ? known.reply_rules?.welcome : text(form.welcome),
      keywords: form.keywords
        .map((rule) => ({ words: inWords(rule.words), match: rule.match, reply: rule.kept ?? text(rule.text) }))
        .filter((rule) => rule.words.length > 0),
      opt_out_words: inWords(form.opt_out_words),
      opt_in_words: inWords(form.opt_in_words),
      opt_out_text: form.opt_out_text.trim(),
      opt_in_text: form.opt_in_text.trim(),
    },
    policy: { ...known.policy, quiet_from, quiet_until, touches_per_day, touches_per_month },
  };
}
