export { type Certificate, selfSignedCertificate } from './certificate.js';
export { type Chromium, openInChromium, prepareChromium } from './chromium.js';
export { type ClientAnswer, type ClientOptions, runPython, runShell } from './clients.js';
export { type DebianTree, debianPackage } from './debian.js';
export { freePort } from './free-port.js';
export { forwardTo, type Nginx, type NginxOptions, startNginx } from './nginx.js';
