// Sends the same story with a real SDK: node send.mjs segment|rudder URL WRITE_KEY MARK
// Says "sent" once the SDK reports success. Between the parts it waits for a line on stdin, so that the server can be
// killed and started again in between.
import readline from 'node:readline';
import { Analytics } from '@segment/analytics-node';
import RudderAnalytics from '@rudderstack/rudder-sdk-node';

const [sdk, url, key, mark] = process.argv.slice(2);
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const said = async (text) => { console.log(text); await lines.next(); };

function story(part, person, anonymous) {
  if (part === 1) {
    return [
      ['identify', { userId: person, anonymousId: anonymous, traits: { plan: 'gold', email: 'someone@example.com', seats: 3 } }],
      ['track', { userId: person, event: 'Order Completed', properties: { order_id: 'o1', revenue: 19.9, currency: 'CNY', products: [{ product_id: 'p1' }] } }],
      ['track', { anonymousId: anonymous, event: 'Product Added', properties: { product_id: 'p1', quantity: 2 } }],
      ['page', { anonymousId: anonymous, name: 'Home', properties: { path: '/home' } }],
    ];
  }
  return [
    ['screen', { userId: person, name: 'Cart' }],
    ['group', { userId: person, groupId: 'g1', traits: { name: 'ACME' } }],
    ['alias', { userId: person, previousId: `${person}-before` }],
    ['track', { userId: person, event: '查看课程', properties: { course: 'c1' } }],
  ];
}

/** A client that keeps to the SDK's own ways; `send` ends when everything given is delivered or given up. */
function segment() {
  const client = new Analytics({ writeKey: key, host: url, flushAt: 2, flushInterval: 50, maxRetries: 60 });
  return async (calls) => {
    const outcomes = calls.map(([call, message]) =>
      new Promise((done, failed) => client[call](message, (error) => (error ? failed(error) : done()))));
    await Promise.all(outcomes);
  };
}
function rudder() {
  const client = new RudderAnalytics(key, { dataPlaneUrl: url, flushAt: 2, flushInterval: 50, retryCount: 60, axiosRetryConfig: { retryDelay: () => 200 } });
  return async (calls) => {
    const outcomes = calls.map(([call, message]) =>
      new Promise((done, failed) => client[call](message, (error) => (error ? failed(error) : done()))));
    await Promise.all(outcomes);
  };
}

const send = sdk === 'segment' ? segment() : rudder();
const person = `${sdk}-${mark}`;
await send(story(1, person, `${person}-device`));
await said('sent 1');
const second = send(story(2, person, `${person}-device`));
await said('sending 2');
await second;
console.log('sent 2');
process.exit(0);
