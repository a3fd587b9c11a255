/** The pages of the product: address, name, key, and the permission without which they are not shown. */
import { Database, LayoutDashboard, Network, ScrollText, Table2, Users } from "lucide-react";

export const PAGES = [
  { to: "/overview", name: "overview", keys: "g o", icon: LayoutDashboard, needs: "dashboard:read" },
  { to: "/data-lake", name: "dataLake", keys: "g d", icon: Database, needs: "data-lake:read" },
  { to: "/data-lake/entities", name: "entities", keys: "g r", icon: Table2, needs: "data-lake:read" },
  { to: "/organisation", name: "organisation", keys: "g t", icon: Network, needs: "dashboard:read" },
  { to: "/users", name: "users", keys: "g u", icon: Users, needs: "users:manage" },
  { to: "/audit", name: "audit", keys: "g a", icon: ScrollText, needs: "audit:read" },
] as const;
