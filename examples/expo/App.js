// A read-only monitor in one file: sign-in, kill-switch, positions and what the live feed says of them.
// Only what Expo itself brings, and npm's socket.io-client.

import { useEffect, useState } from "react";
import { Pressable, StyleSheet, Text, TextInput, View } from "react-native";
import { io } from "socket.io-client";

// Put in when the app is bundled: `rehearsal mock --env-file .env.local` writes them.
const PLATFORM = process.env.EXPO_PUBLIC_PLATFORM_URL;
const TRADING = process.env.EXPO_PUBLIC_TRADING_API_URL;

class Refused extends Error {}

async function ask(url, options) {
  const answer = await fetch(url, options);
  if (!answer.ok) throw new Refused(`${answer.status} of ${new URL(url).pathname}`);
  return answer.json();
}

async function isClosed() {
  const { maintenance } = await ask(`${PLATFORM}/api/v1/status?product=tradedesk`);
  return maintenance.enabled;
}

async function enter(email, password) {
  const body = JSON.stringify({ email, password, product: "tradedesk" });
  const headers = { "content-type": "application/json" };
  const { tokens } = await ask(`${PLATFORM}/api/v1/sessions`, { method: "POST", headers, body });
  return tokens.access;
}

const read = (token) => ask(`${TRADING}/api/positions`, { headers: { authorization: `Bearer ${token}` } });

// Keeps `positions` as the feed tells them; what it says is merged by id, as prices come for some of them only.
function listen(token, { onLink, onPositions }) {
  const { origin, pathname } = new URL(TRADING);
  const socket = io(`${origin}/trading`, { path: `${pathname}/socket.io/`, auth: { token } });
  socket.on("connect", async () => {
    await socket.emitWithAck("subscribe", { channels: ["positions", "prices", "health"] });
    onLink("live");
    // What was missed while nobody listened.
    const { positions } = await read(token);
    onPositions(() => positions);
  });
  socket.on("disconnect", () => onLink("away"));
  socket.on("price_update", ({ positions }) => {
    const news = new Map(positions.map((own) => [own.id, own]));
    onPositions((all) => all.map((own) => ({ ...own, ...news.get(own.id) })));
  });
  socket.on("positions_update", ({ positions }) => onPositions(() => positions));
  return () => socket.close();
}

export default function App() {
  const [token, setToken] = useState(null);
  const [closed, setClosed] = useState(false);
  const [said, say] = useState("");
  const check = async () => setClosed(await isClosed());
  const signIn = async (email, password) => {
    try {
      await check();
      setToken(await enter(email, password));
      say("");
    } catch (error) {
      say(error instanceof Refused ? `The backend refused: ${error.message}` : "The backend cannot be reached");
    }
  };
  return (
    <View style={styles.page}>
      {closed && <Text role="alert">Maintenance: we are back soon.</Text>}
      {!closed && (token ? <Positions token={token} /> : <SignIn onDone={signIn} />)}
      {said !== "" && <Text role="alert">{said}</Text>}
      {token && <Button title="Refresh" onPress={() => check().catch((error) => say(error.message))} />}
    </View>
  );
}

function SignIn({ onDone }) {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  return (
    <View style={styles.part}>
      <TextInput style={styles.field} aria-label="Email" autoCapitalize="none" inputMode="email" value={email} onChangeText={setEmail} />
      <TextInput style={styles.field} aria-label="Password" secureTextEntry value={password} onChangeText={setPassword} />
      <Button title="Sign in" onPress={() => onDone(email, password)} />
    </View>
  );
}

function Positions({ token }) {
  const [link, setLink] = useState("away");
  const [positions, setPositions] = useState([]);
  useEffect(() => listen(token, { onLink: setLink, onPositions: setPositions }), [token]);
  return (
    <View style={styles.part}>
      <Text role="status">{link}</Text>
      {positions.map(({ id, symbol, side, size, markPrice }) => (
        <Text key={id} testID="position">{`${symbol} ${side} ${size} at ${markPrice}`}</Text>
      ))}
    </View>
  );
}

function Button({ title, onPress }) {
  return (
    <Pressable role="button" style={styles.button} onPress={onPress}>
      <Text>{title}</Text>
    </Pressable>
  );
}

const styles = StyleSheet.create({
  page: { flex: 1, padding: 24, gap: 16 },
  part: { gap: 8 },
  field: { borderWidth: 1, borderRadius: 6, padding: 8 },
  button: { borderWidth: 1, borderRadius: 6, padding: 8, alignItems: "center" },
});
