// Plays WeChat with other people's libraries: node callbacks.mjs official|wecom URL TOKEN KEY RECEIVER [TEXT]
// Encrypts and signs a text with wechat-crypto (official accounts) or @wecom/crypto (WeCom, after its address check), posts
// it, checks the signature of the answer and decrypts it. Says what came back as one line of JSON.
import wecom from '@wecom/crypto';
import Official from 'wechat-crypto';

const [kind, url, token, key, receiver, text] = process.argv.slice(2);
const now = Math.floor(Date.now() / 1000);
const nonce = String(process.hrtime.bigint());
if (new URL(url).hostname !== '127.0.0.1') throw new Error('only loopback');

const official = kind === 'official' ? new Official(token, key, receiver) : null;
const sealed = (plain) => (official ? official.encrypt(plain) : wecom.encrypt(key, plain, receiver));
const opened = (cipher) => (official ? official.decrypt(cipher) : wecom.decrypt(key, cipher));
const signed = (timestamp, n, cipher) =>
  (official ? official.getSignature(String(timestamp), n, cipher) : wecom.getSignature(token, String(timestamp), n, cipher));
const address = (cipher) => {
  const query = new URLSearchParams({ timestamp: String(now), nonce, msg_signature: signed(now, nonce, cipher) });
  if (official) query.set('encrypt_type', 'aes');
  return query;
};
const element = (xml, name) => new RegExp(`<${name}><!\\[CDATA\\[(.*?)\\]\\]></${name}>|<${name}>(.*?)</${name}>`, 's').exec(xml)?.slice(1).find((v) => v !== undefined);

const out = {};
if (kind === 'wecom') {
  const echo = sealed('94966531020182955848408');
  const query = address(echo);
  query.set('echostr', echo);
  out.echo = await (await fetch(`${url}?${query}`)).text();
}
const cipher = sealed(`<xml><ToUserName><![CDATA[${kind === 'wecom' ? receiver : 'gh_shop'}]]></ToUserName><FromUserName><![CDATA[oNode]]></FromUserName>`
  + `<CreateTime>${now}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[${text}]]></Content><MsgId>${nonce}</MsgId><AgentID>1</AgentID></xml>`);
const response = await fetch(`${url}?${address(cipher)}`, {
  method: 'POST', body: `<xml><ToUserName>x</ToUserName><AgentID>1</AgentID><Encrypt><![CDATA[${cipher}]]></Encrypt></xml>` });
const body = await response.text();
out.status = response.status;
const answer = element(body, 'Encrypt');
if (answer) {
  out.signature_is_right = element(body, 'MsgSignature') === signed(element(body, 'TimeStamp'), element(body, 'Nonce'), answer);
  const plain = opened(answer);
  out.receiver = plain.id;
  out.content = element(plain.message, 'Content');
  out.to = element(plain.message, 'ToUserName');
} else {
  out.body = body;
}
console.log(JSON.stringify(out));
