// The one place that talks to the server.
import { t } from '../messages/messages';
import { signIn } from '../state/sign_in.svelte';
import type { ApiErrorBody } from './types';

// What went wrong, in words a person can act on.
export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly status: number,
    readonly details: { path: string; message: string }[] = [],
  ) {
    super(message);
  }
}

// The server's words as a sentence.
const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

function errorOf(status: number, body: unknown): ApiError {
  const error = (body as { error?: ApiErrorBody } | null)?.error;
  if (error && typeof error === 'object') {
    const words = error.code === 'deadline' ? t('error.deadline') : sentence(error.message);
    return new ApiError(error.code, words, status, error.details);
  }
  return new ApiError('http', t('error.status', { status }), status);
}

// A text is sent as it is, anything else as JSON.
async function request(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = { 'Content-Type': 'application/json' },
) {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: 'same-origin',
      headers: body === undefined ? {} : headers,
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    });
  } catch {
    throw new ApiError('unreachable', t('error.unreachable'), 0);
  }
  if (response.status === 401) signIn.needed = true;
  return response;
}

async function json<T>(method: string, path: string, body?: unknown) {
  const response = await request(method, path, body);
  const text = await response.text();
  let value: unknown = null;
  try {
    value = text === '' ? null : JSON.parse(text);
  } catch {
    if (response.ok) throw new ApiError('http', t('error.unreadable'), 502);
  }
  if (!response.ok) throw errorOf(response.status, value);
  return value as T;
}

export const get = <T>(path: string) => json<T>('GET', path);
export const post = <T>(path: string, body: unknown) =>
  json<T>('POST', path, body);
export const put = <T>(path: string, body: unknown) =>
  json<T>('PUT', path, body);

export const remove = <T>(path: string) => json<T>('DELETE', path);

// Events as texts, each one JSON; `key` makes a repetition safe.
export async function sendEvents(dataset: string, events: string[], key: string) {
  const path = `/ingest/${encodeURIComponent(dataset)}`;
  const response = await request('POST', path, events.join('\n'), {
    'Content-Type': 'application/x-ndjson',
    'Idempotency-Key': key,
  });
  if (!response.ok) throw errorOf(response.status, await response.json().catch(() => null));
}

// Whole numbers beyond what a double holds stay as they were written.
function exact(_: string, value: unknown, at?: { source: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  return at && /^-?\d+$/.test(at.source) ? at.source : value;
}
function parsed(text: string): unknown {
  try {
    return /\d{16}/.test(text) ? JSON.parse(text, exact) : JSON.parse(text);
  } catch {
    return null;
  }
}

// The rows as the server writes CSV, with their names; marked as `export/csv`
// marks what the page writes.
export async function sqlCsv(query: string): Promise<Blob> {
  const response = await request('POST', '/druid/v2/sql', {
    query,
    resultFormat: 'csv',
    header: true,
  });
  if (!response.ok) throw errorOf(response.status, await response.json().catch(() => null));
  return new Blob(['\uFEFF', await response.blob()]);
}

// SQL through Druid's route; its errors have their own shape.
export interface SqlResult {
  columns: string[];
  types: string[]; // of SQL: VARCHAR, BIGINT, …
  rows: unknown[][];
}
export interface SqlError {
  message: string;
  line?: number;
  column?: number;
}
interface DruidError {
  errorMessage?: string;
  error?: unknown;
  context?: { line?: string; column?: string };
}

// `?` in the query stand for the texts, in order.
export async function sql(
  query: string,
  texts: string[] = [],
): Promise<{ result: SqlResult } | { error: SqlError }> {
  const response = await request('POST', '/druid/v2/sql', {
    query,
    resultFormat: 'array',
    header: true,
    sqlTypesHeader: true,
    ...(texts.length > 0
      ? { parameters: texts.map((value) => ({ type: 'VARCHAR', value })) }
      : {}),
  });
  const body = parsed(await response.text());
  if (response.ok && Array.isArray(body)) {
    const [columns, types, ...rows] = body as [string[], string[], ...unknown[][]];
    return { result: { columns: columns ?? [], types: types ?? [], rows } };
  }
  const fault = (body ?? {}) as DruidError;
  const { line, column } = fault.context ?? {};
  return {
    error: {
      message: fault.errorMessage ?? t('error.status', { status: response.status }),
      ...(line ? { line: Number(line) } : {}),
      ...(column ? { column: Number(column) } : {}),
    },
  };
}
