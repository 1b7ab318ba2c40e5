import { chromium } from 'playwright-core';
const b = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
for (const [name, w, h, scheme] of [['desk-light', 1440, 900, 'light'], ['desk-dark', 1440, 900, 'dark'], ['phone-light', 390, 844, 'light'], ['phone-dark', 390, 844, 'dark']]) {
  const p = await b.newPage({ viewport: { width: w, height: h }, colorScheme: scheme });
  await p.goto(process.argv[2]); await p.waitForTimeout(2500);
  await p.screenshot({ path: `/tmp/shot-${name}.png` });
  if (name === 'desk-light') { await p.keyboard.press('ArrowDown'); await p.keyboard.press('ArrowDown'); await p.waitForTimeout(800); await p.screenshot({ path: `/tmp/shot-details.png` }); }
  await p.close();
}
await b.close();
