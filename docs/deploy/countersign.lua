-- http-request lua.countersign ADDRESS:PORT, that of the forward-auth endpoint.

-- What concerns this connection only, and what says how the body comes, which the endpoint does not get.
local NOT_SENT = {
  ['connection'] = true, ['keep-alive'] = true, ['proxy-connection'] = true, ['te'] = true, ['trailer'] = true,
  ['upgrade'] = true, ['expect'] = true, ['content-length'] = true, ['transfer-encoding'] = true,
}
local PASSED_ON = {
  'x-countersign-credential', 'x-countersign-group', 'x-countersign-signed-headers', 'x-countersign-content-digest',
}

local function joined(values)
  if values == nil then return '' end
  local text = values[0]
  for i = 1, #values do text = text .. ', ' .. values[i] end
  return text
end

local function subrequest(txn)
  local sent = txn.http:req_get_headers()
  local length, coding = joined(sent['content-length']), joined(sent['transfer-encoding'])
  local is_http1 = txn.sf:req_ver():sub(1, 2) == '1.'
  -- Over HTTP/2 a body may come that no field announces. So without a length there is one, of unknown length.
  if not is_http1 and length == '' then coding = 'chunked' end
  local headers = {}
  for name, values in pairs(sent) do
    if not NOT_SENT[name] then headers[name] = values end
  end
  headers['x-original-method'] = { txn.sf:method() }
  -- As on the request line. Of HTTP/2, which has none, HAProxy makes one with scheme and host.
  headers['x-original-uri'] = { is_http1 and txn.sf:url() or txn.sf:pathq() }
  headers['x-original-content-length'] = { 'cl=' .. length }
  headers['x-original-transfer-encoding'] = { 'te=' .. coding }
  headers['x-original-address'] = { txn.sf:src() }
  headers['x-original-scheme'] = { txn.f:ssl_fc() == 1 and 'https' or 'http' }
  return headers
end

local function answered(txn, status, headers, body)
  local reply = txn:reply({ status = status, body = body })
  for _, name in ipairs({ 'content-type', 'cache-control', 'www-authenticate', 'retry-after', 'x-countersign-code' }) do
    if headers[name] ~= nil then reply:add_header(name, headers[name][0]) end
  end
  txn:done(reply)
end

core.register_action('countersign', { 'http-req' }, function(txn, endpoint)
  local url = 'http://' .. endpoint .. '/verify'
  local answer = core.httpclient():get({ url = url, headers = subrequest(txn), timeout = 10000 })
  if answer.status == 200 then
    for _, name in ipairs(PASSED_ON) do
      local value = joined(answer.headers[name])
      if value ~= '' then txn.http:req_set_header(name, value) end
    end
    txn:set_var('txn.countersign', 'accepted')
  elseif answer.status == 401 or answer.status == 403 then
    answered(txn, answer.status, answer.headers, answer.body)
  end
end, 1)
