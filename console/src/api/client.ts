import { reactive } from "vue";
import type { Page, Session } from "./types";

/** What the server said was wrong (RFC 9457), or why it could not be asked. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly field?: string,
    readonly code?: string,
    readonly body: Record<string, unknown> = {},
  ) {
    super(detail || title);
  }
}

/** Status 0: no answer at all. */
export const kUnreachable = 0;

export const session = reactive<Session & { known: boolean }>({ signed_in: false, known: false });

export interface CallOptions {
  query?: Record<string, string | number | undefined | null>;
  body?: unknown;
  /** Sent as it is, instead of `body`. */
  raw?: BodyInit;
  type?: string;
  ifMatch?: number | string;
  signal?: AbortSignal;
}

export function pathWithQuery(path: string, query: CallOptions["query"] = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== "") parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text ? `${path}?${text}` : path;
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object" ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** Errors in the OpenAI shape, as embeddings and completions give them, with the members of a problem. */
function asDetails(body: Record<string, unknown>): Record<string, unknown> {
  const error = body.error as Record<string, unknown> | null | undefined;
  if (error === null || typeof error !== "object") return body;
  return { title: error.type, detail: error.message, field: error.param, code: error.code };
}

export function problemOf(status: number, reason: string, text: string): Problem {
  const body = asDetails(parsed(text) ?? {});
  const word = (name: string) => (typeof body[name] === "string" ? (body[name] as string) : "");
  return new Problem(
    status,
    word("title") || reason || `HTTP ${status}`,
    word("detail") || (Object.keys(body).length ? "" : text.slice(0, 300)),
    word("field") || undefined,
    word("code") || undefined,
    body,
  );
}

function headersFor(method: string, options: CallOptions): Record<string, string> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  if (options.type) headers["Content-Type"] = options.type;
  if (options.ifMatch !== undefined) headers["If-Match"] = String(options.ifMatch);
  if (method !== "GET" && session.csrf) headers["X-CSRF-Token"] = session.csrf;
  return headers;
}

function signedOut(): void {
  Object.assign(session, { signed_in: false, user: undefined, role: undefined, csrf: undefined });
}

/** Calls the server; throws Problem. An aborted call throws the DOMException of fetch. */
export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(pathWithQuery(path, options.query), {
      method,
      credentials: "same-origin",
      headers: headersFor(method, options),
      body: options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body)),
      signal: options.signal,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(kUnreachable, "unreachable", "");
  }
  const text = await response.text();
  if (!response.ok) {
    if (response.status === 401 && path !== "/v1/session") signedOut();
    throw problemOf(response.status, response.statusText, text);
  }
  return (text ? (JSON.parse(text) as T) : undefined) as T;
}

export const get = <T>(path: string, query?: CallOptions["query"], signal?: AbortSignal) =>
  call<T>("GET", path, { query, signal });
export const post = <T>(path: string, body?: unknown, options: CallOptions = {}) =>
  call<T>("POST", path, { ...options, body });
export const put = <T>(path: string, body: unknown, ifMatch?: number | string) =>
  call<T>("PUT", path, { body, ifMatch });
export const remove = (path: string, ifMatch?: number | string) =>
  call<void>("DELETE", path, { ifMatch });

/** Every item of a list, page after page, at most `most`. */
export async function everything<T>(
  path: string,
  query: CallOptions["query"] = {},
  most = 20_000,
): Promise<T[]> {
  const items: T[] = [];
  let after: string | undefined;
  do {
    const page: Page<T> = await get(path, { ...query, limit: 1000, after });
    items.push(...page.items);
    after = page.next ?? undefined;
  } while (after && items.length < most);
  return items.slice(0, most);
}

export async function readSession(): Promise<void> {
  const now = await get<Session>("/v1/session");
  Object.assign(session, { user: undefined, role: undefined, csrf: undefined }, now, { known: true });
}

export async function signIn(credentials: { user: string; password: string } | { key: string }) {
  await post("/v1/session", credentials);
  await readSession();
}

export async function signOut(): Promise<void> {
  try {
    await remove("/v1/session");
  } finally {
    signedOut();
  }
}

/** POSTs a file, telling how much of it has left (0 to 1). */
export function upload<T>(
  path: string,
  query: CallOptions["query"],
  file: Blob,
  sent: (share: number) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", pathWithQuery(path, query));
    request.setRequestHeader("Content-Type", "application/octet-stream");
    if (session.csrf) request.setRequestHeader("X-CSRF-Token", session.csrf);
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) sent(event.loaded / event.total);
    };
    request.onerror = () => reject(new Problem(kUnreachable, "unreachable", ""));
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) {
        resolve((request.responseText ? JSON.parse(request.responseText) : undefined) as T);
      } else {
        reject(problemOf(request.status, request.statusText, request.responseText));
      }
    };
    request.send(file);
  });
}

const kRank: Record<string, number> = { page: -1, ingest: 0, analyst: 1, operator: 2, admin: 3 };

/** Whether who is signed in may do what `role` may. */
export function may(role: "admin" | "operator" | "analyst"): boolean {
  return session.signed_in && (kRank[session.role ?? "ingest"] ?? 0) >= kRank[role];
}
