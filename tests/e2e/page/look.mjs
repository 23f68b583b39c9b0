// Looks at pages with a headless Chromium, over the pipe of its DevTools protocol.
//
// Standard input: a list of looks as JSON: { url, out, width, height, dark, script, axe, live, wait }. Standard output: for
// each what was found: { title, errors, text, overflow, violations }. `axe` is the path of axe-core, or nothing; `live` a
// file that is made once the page shows that it is live, and `wait` an expression to wait for behind that.
// Source: Chrome DevTools Protocol; axe-core API.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const looks = JSON.parse(readFileSync(0, "utf8"));
const profile = mkdtempSync(join(tmpdir(), "fogbell-chromium-"));
const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
  "--no-first-run", "--disable-extensions", "--disable-background-networking", "--hide-scrollbars",
  `--user-data-dir=${profile}`, "about:blank"];
const chromium = spawn("chromium", flags, { stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"] });
let said = "";
chromium.stderr.on("data", (data) => { said = (said + data).slice(-4000); });
const dead = setTimeout(() => fail("took too long"), 120_000);

function fail(why) {
  console.error(`chromium ${why}\n${said}`);
  chromium.kill("SIGKILL");
  rmSync(profile, { recursive: true, force: true });
  process.exit(1);
}
chromium.on("error", (error) => fail(error));

const waiting = new Map();
const heard = [];
let number = 0;
let rest = Buffer.alloc(0);
chromium.stdio[4].on("data", (data) => {
  rest = Buffer.concat([rest, data]);
  for (let end; (end = rest.indexOf(0)) >= 0; rest = rest.subarray(end + 1)) {
    const message = JSON.parse(rest.subarray(0, end).toString());
    if (message.id) {
      const { resolve, reject } = waiting.get(message.id);
      waiting.delete(message.id);
      message.error ? reject(new Error(JSON.stringify(message.error))) : resolve(message.result);
    } else {
      heard.push(message);
    }
  }
});
function ask(method, params = {}, sessionId = undefined) {
  const id = ++number;
  chromium.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + "\0");
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function until(what, holds) {
  for (let tries = 0; tries < 400; tries += 1) {
    if (await holds()) return;
    await pause(50);
  }
  throw new Error(`waited in vain for ${what}`);
}

async function look({ url, out, width, height, dark, script = true, axe, live, wait }) {
  const { targetId } = await ask("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await ask("Target.attachToTarget", { targetId, flatten: true });
  const page = (method, params) => ask(method, params, sessionId);
  const value = async (expression) => {
    const { result, exceptionDetails } = await page("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return result.value;
  };
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await page(`${domain}.enable`);
  await page("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
  await page("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
  if (!script) await page("Emulation.setScriptExecutionDisabled", { value: true });
  await page("Page.navigate", { url });
  await until("the page", () => heard.some((it) => it.sessionId === sessionId && it.method === "Page.loadEventFired"));
  if (live) {
    await until("the page to be live", () => value("document.getElementById('live').textContent.startsWith('Live')"));
    writeFileSync(live, "");
  }
  if (wait) await until(wait, () => value(wait));
  const { data } = await page("Page.captureScreenshot", { format: "png", captureBeyondViewport: true });
  writeFileSync(out, Buffer.from(data, "base64"));
  const found = {
    title: await value("document.title"),
    text: await value("document.body.innerText"),
    overflow: await value("document.documentElement.scrollWidth - document.documentElement.clientWidth"),
    errors: heard.filter((it) => it.sessionId === sessionId && (it.method === "Runtime.exceptionThrown"
      || (it.method === "Log.entryAdded" && it.params.entry.level === "error"))).map((it) => JSON.stringify(it.params)),
    violations: [],
  };
  if (axe) {
    await value(readFileSync(axe, "utf8") + "\n;0");
    const { violations } = await value("axe.run(document, { resultTypes: ['violations'] })");
    found.violations = violations.map(({ id, impact, help, nodes }) =>
      ({ id, impact, help, nodes: nodes.slice(0, 3).map((it) => it.html + " | " + it.failureSummary) }));
  }
  await ask("Target.closeTarget", { targetId });
  return found;
}

try {
  const found = [];
  for (const one of looks) found.push(await look(one));
  console.log(JSON.stringify(found));
  clearTimeout(dead);
  chromium.on("exit", () => {
    rmSync(profile, { recursive: true, force: true });
    process.exit(0);
  });
  ask("Browser.close").catch(() => {});
} catch (error) {
  fail(`: ${error.stack}`);
}
