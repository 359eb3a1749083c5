import type { Following } from "../api/types";

/** The accounts followed, as far as the server names them; null when it only says yes. */
export function followedAccounts(following: Following | undefined): string[] | null {
  if (Array.isArray(following)) return following;
  if (typeof following === "string") return following ? [following] : [];
  return following ? null : [];
}

export function follows(following: Following | undefined): boolean {
  const accounts = followedAccounts(following);
  return accounts === null || accounts.length > 0;
}
