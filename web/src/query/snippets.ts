// The query as a program asks it.
const shell = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

export function curl(sql: string, server: string): string {
  return [
    `curl -s ${shell(`${server}/api/v1/query`)}`,
    `-H 'Content-Type: application/json'`,
    `-d ${shell(JSON.stringify({ sql }))}`,
  ].join(' \\\n  ');
}

export function python(sql: string, server: string): string {
  return [
    'import json, urllib.request',
    '',
    `sql = ${JSON.stringify(sql)}`,
    'request = urllib.request.Request(',
    `    ${JSON.stringify(`${server}/api/v1/query`)},`,
    '    data=json.dumps({"sql": sql}).encode(),',
    '    headers={"Content-Type": "application/json"},',
    ')',
    'for row in json.load(urllib.request.urlopen(request))["rows"]:',
    '    print(row)',
  ].join('\n');
}
