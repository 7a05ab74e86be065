// Whether the server asked for a token. The token is kept as a cookie, so that
// the event stream, which can't carry headers, has it too.
export const signIn = $state({ needed: false });

export function storeToken(token: string): void {
  const secure = window.location.protocol === 'https:' ? '; Secure' : '';
  document.cookie = `freshet_token=${encodeURIComponent(token)}; Path=/; SameSite=Strict; Max-Age=31536000${secure}`;
  window.location.reload();
}
