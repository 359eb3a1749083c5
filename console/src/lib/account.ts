import type { Account, AccountInput } from "../api/types";

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
  for (const name of ["token_kind", "zone", "base_url", "reply_rules", "policy"] as const) {
    if (known?.[name] !== undefined) Object.assign(kept, { [name]: known[name] });
  }
  const secrets = Object.fromEntries(
    Object.entries({ app_secret, token, encoding_aes_key }).filter(([, value]) => value.trim() !== ""),
  );
  return { ...kept, ...plain, id: form.id.trim(), app_id: form.app_id.trim(), original_id: form.original_id.trim(), ...secrets };
}
