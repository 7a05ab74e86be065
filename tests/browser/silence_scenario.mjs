// A stream that stays open and delivers nothing more, as behind a proxy that
// keeps events for itself or a server whose sending thread hangs: everything
// else goes on, so only the silence tells.
import { createServer, request as askServer } from 'node:http';
import { base, check, openPage, pause, settled, tileText, until } from './harness.mjs';

// Between the pages and the server. While `silent`, streams are opened and lose
// what comes.
async function between() {
  const proxy = { silent: false, streams: 0, questions: 0 };
  const server = createServer((request, response) => {
    const isStream = request.url.startsWith('/api/v1/stream');
    if (isStream) proxy.streams += 1;
    if (request.url.startsWith('/api/v1/kpis/query')) proxy.questions += 1;
    const { method, headers } = request;
    const asked = askServer(base + request.url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      response.flushHeaders();
      answer.on('data', (bytes) => (isStream && proxy.silent) || response.write(bytes));
      answer.on('end', () => response.end());
      answer.on('error', () => response.destroy());
    });
    asked.on('error', () => response.destroy());
    response.on('close', () => asked.destroy());
    request.pipe(asked);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  proxy.url = `http://127.0.0.1:${server.address().port}`;
  proxy.close = () => {
    server.closeAllConnections();
    server.close();
  };
  return proxy;
}

async function silence(browser) {
  const proxy = await between();
  const { page, context, faults } = await openPage(browser);
  try {
    await context.clock.install();
    const small = await context.newPage();
    await small.setViewportSize({ width: 320, height: 700 });
    const tabs = [page, small];
    for (const tab of tabs) {
      await tab.goto(`${proxy.url}/d/trading`);
      await settled(tab);
    }
    const state = (tab) => tab.locator('.badge').getAttribute('data-state');
    const all = async (wanted, ms) => {
      const seen = await until(
        () => Promise.all(tabs.map(state)),
        (states) => states.every((one) => one === wanted),
        ms,
      );
      return [seen.every((one) => one === wanted), seen.join()];
    };
    const top = () => small.locator('.grid').evaluate((grid) => grid.getBoundingClientRect().top);
    check(...named('both tabs are live', await all('live')));
    check(proxy.streams === 1, 'by one stream', String(proxy.streams));
    const topBefore = await top();
    proxy.silent = true;
    await context.clock.runFor(30_000);
    check(...named('a pause between two events is no silence', await all('live')));
    const last = await page.locator('.badge .text').innerText();
    await context.clock.runFor(16_000);
    check(...named('a stream that says nothing for 45 s is not live', await all('reconnecting')));
    const words = await page.locator('.badge .text').innerText();
    check(/no connection · numbers of/.test(words), 'the badge says so', words);
    const [then, now] = [last, words].map((text) => /\d\d:\d\d:\d\d/.exec(text)?.[0] ?? '');
    check(now !== '' && now <= then, 'and of when the numbers are', `${last} / ${words}`);
    const moved = (await top()) - topBefore;
    check(moved === 0, 'which moves nothing on a small screen', String(moved));
    const asked = await until(() => proxy.questions, (n) => n > 0);
    check(asked > 0, 'the tiles are asked for without the stream', String(asked));
    await context.clock.runFor(10_000);
    const streams = await until(() => proxy.streams, (n) => n > 1);
    check(streams > 1, 'and the stream is opened anew', String(streams));
    proxy.silent = false;
    check(...named('once it delivers the page is live again', await all('live', 60_000)));
    const others = faults.filter((fault) => !fault.includes(proxy.url));
    check(others.length === 0, 'no fault on the way', others.join('; '));
  } finally {
    await context.close();
    proxy.close();
  }
}

// Where nothing of a stream ever comes, the numbers are asked for, again and
// again.
async function held(browser) {
  const proxy = await between();
  proxy.silent = true;
  const { page, context, faults } = await openPage(browser);
  try {
    await context.clock.install();
    await page.goto(`${proxy.url}/d/trading`);
    await until(() => proxy.streams, (n) => n > 0);
    await context.clock.runFor(10_500);
    const shown = await until(() => tileText(page, 'Net sales').catch(() => ''), (text) => /\d/.test(text));
    check(/\d/.test(shown), 'numbers come after ten seconds', shown);
    const asked = proxy.questions;
    for (let i = 0; i < 4; i += 1) {
      await context.clock.runFor(5000);
      await pause(200);
    }
    const more = await until(() => proxy.questions, (n) => n > asked);
    check(more > asked, 'and again', `${asked} then ${more}`);
    check(proxy.streams < 6, 'without a storm', String(proxy.streams));
    const others = faults.filter((fault) => !fault.includes(proxy.url));
    check(others.length === 0, 'no fault on the way', others.join('; '));
  } finally {
    await context.close();
    proxy.close();
  }
}

const named = (name, [good, detail]) => [good, name, detail];

export const silent = [
  ['a stream that falls silent', silence],
  ['a stream that is held back', held],
];
